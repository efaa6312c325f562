//! Buffers that may hold a password on its way out.

/// Bytes that are overwritten before their memory is given back. Give it its size at once: a buffer that grows leaves
/// copies behind.
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // Without unsafe code the compiler may elide plain stores to memory about to be freed; `black_box` keeps them.
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}
