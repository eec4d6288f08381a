//! Limits of the edge, with the arithmetic beside each (I10).
//!
//! A full thing refuses (413, 429, 503); nothing here waits without a bound.

/// The largest request body, in bytes (interfaces.md 0.2).
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Depth of arrays and objects in a body; the outermost one counts 1.
pub const JSON_DEPTH_MAX: usize = 32;

/// How long a body may take to arrive. 256 KB in 10 s is 26 KB/s, slower than any phone.
pub const BODY_TIMEOUT_MS: u64 = 10_000;

/// Principals that the rate limiter remembers. 100 bytes each: 10 MB.
pub const RATE_KEYS_MAX: usize = 100_000;

/// Idempotency keys whose request a node remembers. 100 bytes each: 6.5 MB.
pub const USED_KEYS_MAX: usize = 65_536;

/// The shortest and longest page, and the page without a `limit`.
pub const PAGE_MIN: u64 = 1;
/// See [`PAGE_MIN`].
pub const PAGE_MAX: u64 = 100;
/// See [`PAGE_MIN`].
pub const PAGE_DEFAULT: u64 = 20;

/// Orders on a page of the buyer's own without a `limit`.
pub const MY_ORDERS_PAGE_DEFAULT: u64 = 40;
/// Categories and products on the home page: one screen.
pub const HOME_CATEGORIES: usize = 20;
/// See [`HOME_CATEGORIES`].
pub const HOME_PRODUCTS: u32 = 12;
/// Products in a file of a publication: some 500 KB with two SKUs each.
pub const CATALOGUE_FILE_PRODUCTS: u32 = 500;
/// The largest file of a publication; one that would be larger is cut.
pub const CATALOGUE_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Publications whose files are kept: a CDN may lag behind by as many.
pub const CATALOGUE_VERSIONS_MAX: usize = 3;
/// Keys of publications whose answers are kept.
pub const CATALOGUE_KEYS_MAX: usize = 16;
/// How long a list of orders waits for its view to show what was answered before, in ms.
///
/// The view may lag 1 s; it does so by milliseconds, and a list that waits longer helps nobody.
pub const LIST_CATCH_UP_MS: u64 = 250;

/// The longest `Prefer: wait` of a command and of a read, and the wait without one, in ms.
pub const WAIT_COMMAND_MAX_MS: u64 = 10_000;
/// See [`WAIT_COMMAND_MAX_MS`].
pub const WAIT_READ_MAX_MS: u64 = 20_000;
/// See [`WAIT_COMMAND_MAX_MS`].
pub const WAIT_COMMAND_DEFAULT_MS: u64 = 2_000;

/// The longest offer that is kept with the refusal of a price: a quote of some 60 lines. A longer
/// one is made anew for each repeat.
pub const OFFER_BYTES_MAX: usize = 16 * 1024;

/// Versions of dynamic configuration that are kept. Some 500 bytes each.
pub const CONFIG_VERSIONS_MAX: usize = 50;
/// The furthest that a demo's clock may be ahead, in ms: 100 years, so that every instant that
/// follows from it still has four digits of year.
pub const CLOCK_AHEAD_MAX_MS: u64 = 100 * 365 * 24 * 3600 * 1_000;
/// Records of an entity that an inspection shows.
pub const INSPECTED_RECORDS_MAX: usize = 100;

/// Life of an access token, in seconds: 10 min.
pub const ACCESS_TOKEN_S: u64 = 600;
/// Life of a refresh token, in seconds: 30 d. Each use makes a new one.
pub const REFRESH_TOKEN_S: u64 = 30 * 24 * 3600;
/// Life of an authorization code, in seconds.
pub const CODE_S: u64 = 60;
/// Life of a guest token, in seconds: 30 d.
pub const GUEST_TOKEN_S: u64 = 30 * 24 * 3600;
/// Life of a browser session, in seconds: 12 h.
pub const SESSION_S: u64 = 12 * 3600;
/// Life of a stream ticket, in seconds: 15 min.
pub const TICKET_S: u64 = 15 * 60;
/// Topics of one stream ticket.
pub const TICKET_TOPICS_MAX: usize = 20;

/// Difference of clocks that is forgiven when a token's times are compared, in seconds.
pub const LEEWAY_S: u64 = 30;

/// The longest token that is looked at, in bytes. A request head is 32 KB at the most.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The shortest time between two fetches of an issuer's keys, in ms.
pub const JWKS_REFRESH_MIN_MS: u64 = 30_000;
/// After this time an issuer's keys are fetched again before they check another token, so that a
/// withdrawn key checks no more: 10 min.
pub const JWKS_AGE_MAX_MS: u64 = 600_000;
/// How long a fetch of an issuer's documents may take, in ms.
pub const JWKS_TIMEOUT_MS: u64 = 5_000;
/// The largest document of an issuer, in bytes.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;

/// How often a node compares its revocations with the stored ones, in ms.
///
/// Two rounds, in case two nodes write at once, stay below the promised 5 s.
pub const REVOCATION_SYNC_MS: u64 = 2_000;
/// Unexpired revocations that are kept. 40 bytes each: 4 MB. A full list refuses a revocation.
pub const REVOCATIONS_MAX: usize = 100_000;

/// Lists of refresh families, each a stored value of its own.
pub const FAMILY_SLOTS: u16 = 256;
/// Families in one list: 256 lists of 4,096 are a million signed-in browsers.
pub const FAMILIES_PER_SLOT_MAX: usize = 4_096;

/// Checked tokens that are remembered, so that a signature is checked once and not per request.
/// About 400 bytes each: 8 MB.
pub const CHECKED_TOKENS_MAX: usize = 20_000;

/// Entities that one request asks at the same time.
///
/// A cart of 500 lines must not use up what one principal may have under way (256).
pub const READS_AT_ONCE: usize = 16;
/// How long a command may take before its caller is told that the outcome is unknown, in ms.
pub const COMMAND_DEADLINE_MS: u64 = 10_000;
/// How long an order may take to hear from its cart, in ms. Both live in one shard.
pub const PLACE_GRACE_MS: u64 = 1_000;
/// How long a quote is shown as valid, in ms: 15 min. It is checked when it is used.
pub const QUOTE_MS: u64 = 15 * 60 * 1_000;

const _: () = assert!(PAGE_MIN <= PAGE_DEFAULT && PAGE_DEFAULT <= PAGE_MAX);
const _: () = assert!(WAIT_COMMAND_DEFAULT_MS <= WAIT_COMMAND_MAX_MS);
const _: () = assert!(2 * REVOCATION_SYNC_MS < 5_000);

/// How often a live stream looks after itself: credential, unsent bytes, a client that is gone.
///
/// 20,000 streams looking once a second cost about 1 % of a core; a revocation holds within 5 s.
pub const STREAM_LOOK_MS: u64 = 1_000;
/// How long a byte of a live stream may stay unsent, in ms (interfaces.md 0.6).
pub const STREAM_UNSENT_MS: u64 = 10_000;
/// How long an order's newest state may wait in its slot, in ms (interfaces.md 0.6).
pub const STREAM_SLOT_MS: u64 = 30_000;
/// How long one question for a newer version waits at its order, in ms.
///
/// A question of a client that is gone stays until then: 1,024 may wait at one order.
pub const STREAM_ASK_MS: u64 = 15_000;
/// How long the first answer of an order may take before the stream says `bye`, in ms.
pub const STREAM_OPEN_MS: u64 = 5_000;
/// When an order that did not answer is asked again, in ms.
pub const STREAM_ASK_AGAIN_MS: u64 = 1_000;
/// How long a `bye` may take to leave before the connection is cut, in ms.
pub const STREAM_BYE_MS: u64 = 2_000;
/// When a client reconnects, in ms; and when it was shed.
pub const STREAM_RETRY_MS: u64 = 3_000;
/// See [`STREAM_RETRY_MS`].
pub const STREAM_SHED_RETRY_MS: u64 = 15_000;
/// Bytes that the system may hold for a connection that does not read. Linux doubles the value
/// that it is given for its own bookkeeping.
pub const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// Connections that wait to be accepted.
pub const BACKLOG: u32 = 2_048;
/// Orders with which a customer's stream begins: the newest 40, and older ones that are not over.
///
/// One question waits at each, 500 bytes or so; a frame's id grows by 9 bytes an order.
pub const STREAM_BEGIN_MAX: usize = 200;
/// Orders in the frame `reset` of such a stream: the first page. Older ones come one by one.
pub const STREAM_RESET_MAX: usize = 40;
/// Pages of a customer's orders that are looked through for older ones that are not over.
///
/// Ten pages of 1,000 rows of 100 bytes, some 10 ms; only for who has more than the newest 40.
pub const STREAM_OLDER_PAGES: usize = 10;
/// See [`STREAM_OLDER_PAGES`].
pub const STREAM_OLDER_PAGE: u32 = 1_000;
/// Orders that one connection watches: 200 of a customer, 32 topics of a WebSocket, and those that
/// come while it lives; beyond that orders that are over go first.
pub const STREAM_ORDERS_MAX: usize = 288;
/// Topics of one WebSocket.
pub const SOCKET_TOPICS_MAX: usize = 32;
/// The largest message of a WebSocket's client, in bytes.
pub const SOCKET_MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Messages that a WebSocket's client may send at once, and per second.
pub const SOCKET_BURST: u32 = 100;
/// See [`SOCKET_BURST`].
pub const SOCKET_PER_SECOND: u32 = 20;
/// Answers that wait for a WebSocket's client to read them.
pub const SOCKET_ANSWERS_MAX: usize = 128;

const _: () = assert!(STREAM_UNSENT_MS < STREAM_SLOT_MS);
const _: () = assert!(STREAM_RESET_MAX <= STREAM_BEGIN_MAX);
const _: () = assert!(STREAM_BEGIN_MAX + SOCKET_TOPICS_MAX < STREAM_ORDERS_MAX);
const _: () = assert!(STREAM_LOOK_MS + REVOCATION_SYNC_MS < 5_000);
const _: () = assert!(SOCKET_BURST as usize <= SOCKET_ANSWERS_MAX);

/// Steps of an entity that one request looks back over in the journal: some seconds.
pub const STEPS_LOOKED_BACK_MAX: u64 = 100_000;
