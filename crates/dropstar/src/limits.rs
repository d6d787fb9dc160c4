use std::time::Duration;

/// What one listener grants its clients. Every field has a safe default.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once; one more is answered with 503 and closed.
    pub connections: usize,
    /// Requests being answered at once, streams not counted; one more gets 503.
    pub requests: usize,
    /// Event streams open at once; one more gets 503.
    pub streams: usize,
    /// Bytes of a request's body unless its route says otherwise; more gets 413.
    pub body_bytes: usize,
    /// Bytes of path and query; more gets 414.
    pub target_bytes: usize,
    /// Bytes of a request's head; more gets 431.
    pub head_bytes: usize,
    /// Number of header lines; more gets 431.
    pub headers: usize,
    /// Time a client has to send a whole request head, and a kept-alive
    /// connection may stay silent; then it is closed.
    pub head_time: Duration,
    /// Time a client has to send a whole body; then it gets 408.
    pub body_time: Duration,
    /// Time a page or method has to answer; then the client gets 504.
    pub answer_time: Duration,
    /// Time a TLS client has to finish its handshake; then it is closed.
    pub handshake_time: Duration,
    /// Time a client may take nothing of what is waiting for it; then it is closed.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            requests: 1_024,
            streams: 2_048,
            body_bytes: 1 << 20,
            target_bytes: 8 << 10,
            head_bytes: 64 << 10,
            headers: 100,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(60),
            handshake_time: Duration::from_secs(10),
            write_time: Duration::from_secs(60),
        }
    }
}
