//! zonekeeper
