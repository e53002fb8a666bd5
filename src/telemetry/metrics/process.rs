//! The metrics of the operating system about this process, with the names of all Prometheus clients ("Writing client
//! libraries", "Process metrics").

use prometheus_client::registry::Registry;

/// Registers the metrics. There are none outside Linux.
#[cfg(target_os = "linux")]
pub(super) fn register(registry: &mut Registry) {
    registry.sub_registry_with_prefix("process").register_collector(Box::new(linux::Process));
}

/// Registers nothing: the metrics come from `/proc`.
#[cfg(not(target_os = "linux"))]
pub(super) fn register(_registry: &mut Registry) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt;

    use procfs::{
        WithCurrentSystemInfo,
        process::{LimitValue, Process as Entry},
    };
    use prometheus_client::{
        collector::Collector,
        encoding::{DescriptorEncoder, EncodeMetric},
        metrics::{counter::ConstCounter, gauge::ConstGauge},
        registry::Unit,
    };

    /// Reads `/proc/self` at each scrape. A value that cannot be read is missing.
    #[derive(Debug)]
    pub struct Process;

    impl Collector for Process {
        fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
            let Ok(entry) = Entry::myself() else { return Ok(()) };
            let mut gauge = |name, help, unit: Option<&Unit>, value: f64| {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
            };
            if let Ok(open) = entry.fd_count() {
                gauge("open_fds", "Open file descriptors", None, float(open))?;
            }
            if let Ok(limits) = entry.limits()
                && let LimitValue::Value(most) = limits.max_open_files.soft_limit
            {
                gauge("max_fds", "The most open file descriptors", None, float(most))?;
            }
            let Ok(stat) = entry.stat() else { return Ok(()) };
            let bytes = Some(&Unit::Bytes);
            gauge("virtual_memory", "Virtual memory", bytes, float(stat.vsize))?;
            gauge("resident_memory", "Resident memory", bytes, float(stat.rss_bytes().get()))?;
            gauge("threads", "Threads", None, float(stat.num_threads))?;
            if let Ok(boot) = procfs::boot_time_secs() {
                let started = float(boot) + float(stat.starttime) / float(procfs::ticks_per_second());
                gauge(
                    "start_time",
                    "When the process started, in seconds since 1970",
                    Some(&Unit::Seconds),
                    started,
                )?;
            }
            let used = float(stat.utime + stat.stime) / float(procfs::ticks_per_second());
            let cpu = ConstCounter::new(used);
            let help = "Processor time in user and system mode";
            cpu.encode(encoder.encode_descriptor("cpu", help, Some(&Unit::Seconds), cpu.metric_type())?)
        }
    }

    /// A number as a metric has it. The numbers here are far below 2^53.
    fn float(value: impl TryInto<u64>) -> f64 {
        let value = value.try_into().unwrap_or_default();
        let [high, low] =
            [value >> 32, value & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or_default());
        f64::from(high) * 4_294_967_296.0 + f64::from(low)
    }
}
