//! Streams: what is asked for, made where missing, compared where there.
//!
//! Compared is what the guarantees rest on: subjects, retention, storage, the duplicate window,
//! limits that drop or refuse events. Age, copies and compression of a stream that is there are
//! the operator's.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};
use ports::StreamState;

use crate::{ConnectError, NatsOptions};

/// Makes and compares all streams. Returns their states.
///
/// Errors: `Refused` for a difference or a missing stream that may not be made; `Unreachable`
/// when the server does not answer or JetStream is not ready.
pub(crate) async fn ensure(
    context: &Context,
    options: &NatsOptions,
) -> Result<BTreeMap<String, StreamState>, ConnectError> {
    let mut states = BTreeMap::new();
    for domain in &options.domains {
        let asked = config(domain, options);
        let stream = match get(context, &asked.name).await? {
            Some(stream) => stream,
            None => create(context, &asked, options).await?,
        };
        compare(&asked, &stream.cached_info().config)?;
        states.insert(asked.name, state(&stream));
    }
    Ok(states)
}

/// The state of all streams.
pub(crate) async fn states(
    context: &Context,
    options: &NatsOptions,
) -> Result<BTreeMap<String, StreamState>, ConnectError> {
    let mut states = BTreeMap::new();
    for domain in &options.domains {
        let name = name(domain);
        let Some(stream) = get(context, &name).await? else {
            return Err(ConnectError::Unreachable(format!("stream {name} is gone")));
        };
        states.insert(name, state(&stream));
    }
    Ok(states)
}

/// The id of the event that stands in a place of a stream, as its leader has it: a copy may lag
/// behind, and what it does not have yet would count as kept for its time. `None`: nothing.
pub(crate) async fn id_at(
    context: &Context,
    name: &str,
    place: u64,
) -> Result<Option<String>, ConnectError> {
    let failed = |error: &dyn std::fmt::Display| {
        ConnectError::Unreachable(format!("place {place} of stream {name}: {error}"))
    };
    let stream = context.get_stream_no_info(name).await.map_err(|error| failed(&error))?;
    let error = match stream.get_raw_message(place).await {
        // One without an id is not from here: it is nobody's place.
        Ok(message) => {
            let id = message.headers.get(async_nats::header::NATS_MESSAGE_ID);
            return Ok(Some(id.map_or_else(String::new, |id| id.as_str().to_owned())));
        }
        Err(error) => error,
    };
    match error.kind() {
        RawMessageErrorKind::NoMessageFound => Ok(None),
        RawMessageErrorKind::JetStream(gone)
            if gone.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            Ok(None)
        }
        RawMessageErrorKind::JetStream(_)
        | RawMessageErrorKind::InvalidSubject
        | RawMessageErrorKind::Other => Err(failed(&error)),
    }
}

/// A stream that was lost and made again was made at another time.
fn state(stream: &Stream) -> StreamState {
    let info = stream.cached_info();
    let made_ns = info.created.unix_timestamp_nanos().max(1);
    let incarnation = u64::try_from(made_ns).unwrap_or(u64::MAX);
    StreamState { last_sequence: info.state.last_sequence, incarnation }
}

fn name(domain: &str) -> String {
    domain.to_ascii_uppercase()
}

/// What is asked for.
fn config(domain: &str, options: &NatsOptions) -> Config {
    Config {
        name: name(domain),
        subjects: vec![format!("{domain}.v1.>")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        duplicate_window: Duration::from_millis(options.duplicate_window_ms),
        max_age: Duration::from_millis(options.max_age_ms),
        num_replicas: options.n_replicas,
        compression: Some(Compression::S2),
        allow_direct: true,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Config::default()
    }
}

/// A stream with its state; `None`: there is none.
async fn get(context: &Context, name: &str) -> Result<Option<Stream>, ConnectError> {
    let error = match context.get_stream(name).await {
        Ok(stream) => return Ok(Some(stream)),
        Err(error) => error,
    };
    let text = format!("stream {name}: {error}");
    match error.kind() {
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            Ok(None)
        }
        GetStreamErrorKind::JetStream(error) => Err(api_error(error.code(), text)),
        GetStreamErrorKind::Request => {
            let cause = std::error::Error::source(&error);
            let asked = cause.and_then(|cause| cause.downcast_ref::<RequestError>());
            let is_nobody = asked.is_some_and(|it| it.kind() == RequestErrorKind::NoResponders);
            let hint = if is_nobody { " (is JetStream on? `nats-server -js`)" } else { "" };
            Err(ConnectError::Unreachable(format!("{text}{hint}")))
        }
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => {
            Err(ConnectError::Refused(text))
        }
    }
}

async fn create(
    context: &Context,
    asked: &Config,
    options: &NatsOptions,
) -> Result<Stream, ConnectError> {
    let name = &asked.name;
    if !options.create_streams {
        let why = format!("stream {name} is missing and nats.create_streams is off");
        return Err(ConnectError::Refused(why));
    }
    // Two nodes may do this at once: the server answers the same wish twice.
    match context.create_stream(asked.clone()).await {
        Ok(stream) => {
            tracing::info!(stream = name, "stream made");
            Ok(stream)
        }
        Err(error) => {
            let text = format!("stream {name}: {error}");
            Err(match error.kind() {
                CreateStreamErrorKind::JetStream(error) => api_error(error.code(), text),
                CreateStreamErrorKind::TimedOut
                | CreateStreamErrorKind::JetStreamUnavailable
                | CreateStreamErrorKind::Response
                | CreateStreamErrorKind::NotFound => ConnectError::Unreachable(text),
                CreateStreamErrorKind::EmptyStreamName
                | CreateStreamErrorKind::InvalidStreamName
                | CreateStreamErrorKind::DomainAndExternalSet
                | CreateStreamErrorKind::ResponseParse => ConnectError::Refused(text),
            })
        }
    }
}

/// An error that JetStream answered: "not ready" passes, anything else stays.
const fn api_error(status: usize, text: String) -> ConnectError {
    if status == 503 { ConnectError::Unreachable(text) } else { ConnectError::Refused(text) }
}

fn compare(asked: &Config, found: &Config) -> Result<(), ConnectError> {
    let fields = |config: &Config| {
        [
            ("subjects", format!("{:?}", config.subjects)),
            ("retention", format!("{:?}", config.retention)),
            ("storage", format!("{:?}", config.storage)),
            ("discard", format!("{:?}", config.discard)),
            ("duplicate_window", format!("{:?}", config.duplicate_window)),
            ("max_bytes", config.max_bytes.to_string()),
            ("max_msgs", config.max_messages.to_string()),
            ("max_msgs_per_subject", config.max_messages_per_subject.to_string()),
            ("max_msg_size", config.max_message_size.to_string()),
            ("no_ack", config.no_ack.to_string()),
            ("sealed", config.sealed.to_string()),
        ]
    };
    let pairs = fields(asked).into_iter().zip(fields(found));
    for ((field, asked_value), (_, found_value)) in pairs {
        if asked_value != found_value {
            return Err(ConnectError::Refused(format!(
                "stream {}: {field} is {found_value}, asked for {asked_value}",
                asked.name
            )));
        }
    }
    Ok(())
}
