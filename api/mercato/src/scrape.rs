//! What a scrape shows: every metric's kind and meaning, and the buckets of durations.
//!
//! Counters of trouble stand at 0 from the start, so that an alert on their growth sees the first
//! one. No label names an order or a customer. What the table does not have fails a test.

use std::sync::Weak;
use std::time::Duration;

use cluster::Node;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// How long metrics wait between their upkeep, in ms.
const UPKEEP_MS: u64 = 5_000;

/// Upper bounds of durations, in seconds: 1 ms to 10 s.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only grows. Without labels, so it stands at 0 from the start.
    Counter,
    /// Only grows, by label; a label is there once it was counted.
    Labelled,
    /// Goes up and down.
    Gauge,
    /// A duration in seconds, in buckets.
    Seconds,
}

use Kind::{Counter, Gauge, Labelled, Seconds};

/// Every metric by its name, with its meaning.
const TABLE: &[(&str, Kind, &str)] = &[
    ("mercato_asks_repeated_total", Counter, "asks of other nodes that came a second time"),
    ("mercato_bus_up", Gauge, "1 while the bus answers"),
    ("mercato_dead_letters_total", Counter, "messages that their receiver could not take"),
    ("mercato_edge_stream_frames_total", Counter, "frames written to live streams"),
    ("mercato_edge_streams_ended_total", Labelled, "live streams that ended, by reason"),
    ("mercato_edge_streams_open", Gauge, "live streams that are open"),
    ("mercato_edge_streams_total", Counter, "live streams that were begun"),
    ("mercato_frames_refused_total", Counter, "frames of other nodes that could not be read"),
    (
        "mercato_frames_unread_total",
        Counter,
        "frames of a version that the other node did not read",
    ),
    ("mercato_frames_unsent_total", Counter, "frames to other nodes that were not sent"),
    ("mercato_host_failures_total", Counter, "shards whose host failed and was begun anew"),
    ("mercato_http_request_duration_seconds", Seconds, "time to an answer, by route and status"),
    ("mercato_http_requests_in_flight", Gauge, "requests that are being answered"),
    ("mercato_http_requests_total", Labelled, "requests answered, by route and status"),
    ("mercato_http_shed_total", Counter, "requests turned away because there were too many"),
    ("mercato_inputs_waiting", Gauge, "inputs that wait in all shards"),
    ("mercato_inputs_waiting_max", Gauge, "inputs that wait in the shard that has most of them"),
    ("mercato_jwks_refresh_failures_total", Counter, "key sets of issuers that were not read"),
    ("mercato_load_failures_total", Counter, "entities that could not be loaded"),
    ("mercato_outbox_duplicates_total", Counter, "events that the bus already had"),
    ("mercato_outbox_lag_events", Gauge, "durable events that are not on the bus yet"),
    ("mercato_outbox_oldest_ms", Gauge, "age of the oldest event that is not on the bus, in ms"),
    ("mercato_outbox_publish_failures_total", Counter, "batches that the bus did not take"),
    ("mercato_outbox_published_total", Counter, "events that the bus took"),
    ("mercato_outbox_rewinds_total", Counter, "shards published again after a stream lost events"),
    ("mercato_outbox_save_failures_total", Counter, "publish cursors that were not saved"),
    ("mercato_outbox_stuck_shards", Gauge, "shards that cannot be published any further"),
    ("mercato_outbox_stuck_total", Counter, "times that a shard could not be published further"),
    ("mercato_parcels_dropped_total", Counter, "parcels for shards not open here; sent again"),
    ("mercato_projection_lag_commits", Gauge, "durable commits that are not in a view yet"),
    ("mercato_projection_stuck_shards", Gauge, "shards that cannot be projected any further"),
    ("mercato_projection_stuck_total", Labelled, "times that a shard could not be projected"),
    ("mercato_quarantined_total", Counter, "entities put into quarantine"),
    ("mercato_revocation_sync_failures_total", Counter, "revocations that were not read"),
    ("mercato_shards_given_up_total", Counter, "shards that this process no longer serves"),
    ("mercato_shards_lost_total", Counter, "shards that went to another node unasked"),
    ("mercato_store_free_bytes", Gauge, "free bytes of the disk that the store is on"),
    ("mercato_task_failures_total", Labelled, "background tasks that failed and began anew"),
];

/// Starts counting. Errors: the process counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
}

fn describe() {
    for &(name, kind, help) in TABLE {
        match kind {
            Counter => {
                metrics::describe_counter!(name, help);
                metrics::counter!(name).increment(0);
            }
            Labelled => metrics::describe_counter!(name, help),
            Gauge => metrics::describe_gauge!(name, help),
            Seconds => metrics::describe_histogram!(name, metrics::Unit::Seconds, help),
        }
    }
}

/// Looks after the metrics, and at the queues of the node, until it is gone.
pub async fn keep_up(handle: PrometheusHandle, node: Weak<Node>) {
    while let Some(node) = node.upgrade() {
        let depths = node.depths();
        drop(node);
        metrics::gauge!("mercato_inputs_waiting").set(depths.iter().sum::<usize>() as f64);
        let most = depths.into_iter().max().unwrap_or_default();
        metrics::gauge!("mercato_inputs_waiting_max").set(most as f64);
        tokio::time::sleep(Duration::from_millis(UPKEEP_MS)).await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Names in the sources of a folder.
    fn names(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                names(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                for (_, rest) in text.match_indices("!(\"mercato_").map(|(at, _)| text.split_at(at))
                {
                    let name = rest.split('"').nth(1).expect("it begins with a quote");
                    found.insert(name.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_metric_of_the_sources_is_in_the_table_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = BTreeSet::new();
        for dir in ["cluster/src", "api/edge/src", "api/mercato/src", "persistence"] {
            names(&root.join(dir), &mut found);
        }
        let told: BTreeSet<_> = TABLE.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(found, told);
        assert_eq!(told.len(), TABLE.len(), "a name twice");
    }

    #[test]
    fn a_scrape_has_buckets_help_and_counters_of_trouble_from_the_start() {
        let recorder = builder().expect("the bounds are some").build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!("mercato_http_request_duration_seconds").record(0.003);
        });
        let text = recorder.handle().render();
        for wanted in [
            "mercato_http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "# HELP mercato_quarantined_total",
            "mercato_dead_letters_total 0",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
    }
}
