// The modules of the process tests that measurements use. They name each other as modules of the crate, so each measurement
// includes this file at its top.

#[path = "../../tests/zonekeeper/control_plane.rs"]
mod control_plane;
#[path = "../../tests/zonekeeper/deadline.rs"]
mod deadline;
#[path = "../../tests/zonekeeper/http.rs"]
mod http;
#[path = "../../tests/zonekeeper/log_lines.rs"]
mod log_lines;
#[path = "../../tests/zonekeeper/namespace.rs"]
mod namespace;
#[path = "../../tests/zonekeeper/process.rs"]
mod process;
#[path = "../../tests/zonekeeper/server.rs"]
mod server;
#[path = "../../tests/zonekeeper/zone.rs"]
mod zone;
