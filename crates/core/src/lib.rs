//! zonekeeper-core
