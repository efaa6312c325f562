//! How much a scan asks for at once, and how far ahead: little at first, doubling with what is consumed.

use crate::settings::FIRST_REQUEST_BYTES;

/// The window of one scan. All values in stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    request: u64,
    ahead: u64,
    longest_request: u64,
    largest: u64,
}

impl Window {
    /// Requests of up to `longest_request` bytes, up to `largest` bytes ahead.
    pub(super) fn new(longest_request: u64, largest: u64) -> Self {
        Self {
            request: FIRST_REQUEST_BYTES.min(longest_request),
            ahead: FIRST_REQUEST_BYTES,
            longest_request,
            largest: largest.max(FIRST_REQUEST_BYTES),
        }
    }

    /// The longest request to make now.
    pub(super) fn request(&self) -> u64 {
        self.request
    }

    /// Whether another `bytes` may be asked for while `in_flight` are on their way or wait to be consumed. Something
    /// always may, so that one long block passes.
    pub(super) fn has_room(&self, in_flight: u64, bytes: u64) -> bool {
        in_flight == 0 || in_flight.saturating_add(bytes) <= self.ahead
    }

    /// How far ahead to plan.
    pub(super) fn ahead(&self) -> u64 {
        self.ahead
    }

    /// One request was consumed.
    pub(super) fn grow(&mut self) {
        self.request = self.request.saturating_mul(2).min(self.longest_request);
        self.ahead = self.ahead.saturating_mul(2).min(self.largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_double_to_eight_mebibytes_and_the_window_to_its_limit() {
        let mut window = Window::new(8 << 20, 64 << 20);
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push((window.request() >> 20, window.ahead() >> 20));
            window.grow();
        }
        assert_eq!(seen, [(1, 1), (2, 2), (4, 4), (8, 8), (8, 16), (8, 32), (8, 64), (8, 64)]);
    }

    #[test]
    fn one_request_always_has_room() {
        let window = Window::new(8 << 20, 0);
        assert!(window.has_room(0, u64::MAX));
        assert!(window.has_room(1, (1 << 20) - 1));
        assert!(!window.has_room(1, 1 << 20));
    }
}
