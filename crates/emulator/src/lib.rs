//! zonekeeper-emulator
