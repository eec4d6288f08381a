//! Limits of the NATS adapter (I10).

use std::time::Duration;

/// Publishes that wait for their acknowledgement at the same time.
///
/// Measured: 121,000 acknowledged events/s with 256 in flight, 133,000 with 1,024.
pub(crate) const IN_FLIGHT_MAX: usize = ports::limits::PUBLISH_BATCH_MAX;

/// Places of streams that are asked for at the same time: the leader answers each with an event.
///
/// 64 shards of four streams are four rounds of it, with a new connection.
pub(crate) const PLACES_IN_FLIGHT_MAX: usize = 64;

/// How long one attempt to connect may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a question to the server may take (stream state, making a stream).
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Between pings of an idle connection; a dead peer is noticed after two or three.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The first and the longest pause between attempts to connect, before jitter.
pub(crate) const BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(4));

/// Commands that the client may queue before it makes its callers wait.
///
/// Two windows: the one in flight and the one a caller that gave up has left behind.
pub(crate) const CLIENT_QUEUE_MAX: usize = 2 * IN_FLIGHT_MAX;

/// The least server version: older ones take stream settings and silently drop them.
pub(crate) const SERVER_VERSION_MIN: (u64, u64) = (2, 10);
