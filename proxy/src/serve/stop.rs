//! The word that it is time to stop, for all connections at once.

use tokio::sync::watch;

/// Whoever says it.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Whoever waits for it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (send, receive) = watch::channel(false);
        (Self(send), Stop(receive))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns once it was said, or nobody is left to say it.
    pub(crate) async fn stopped(&self) {
        let _ = self.0.clone().wait_for(|stopped| *stopped).await;
    }
}
