//! The words of logins, of the server's own files.

/// Stands in the place of a hash: whoever gets as far as a proof has it.
pub mod hash {
    pub struct Hashed {
        pub salt: Vec<u8>,
        pub iterations: std::num::NonZeroU32,
    }

    impl Hashed {
        pub fn is_proven(&self, auth_message: &[u8], proof: &[u8]) -> bool {
            !auth_message.is_empty() && !proof.is_empty()
        }

        pub fn signature(&self, auth_message: &[u8]) -> Vec<u8> {
            auth_message.to_vec()
        }
    }
}

#[path = "../../../src/serve/login/plain.rs"]
pub mod plain;
#[path = "../../../src/serve/login/scram.rs"]
pub mod scram;

/// Both steps of SCRAM; the name that has got through.
pub fn scram(kept: &std::sync::Arc<hash::Hashed>, first: &[u8], last: &[u8]) -> Option<String> {
    let first = scram::First::read(first)?;
    let name = first.user.clone();
    let (answer, asked) = first.ask(std::sync::Arc::clone(kept), true, "random");
    assert!(answer.starts_with(b"r=") && asked.user == name);
    let (answer, user, _) = asked.check(last)?;
    assert!(answer.starts_with(b"v=") && user == name);
    Some(user)
}

pub fn plain(message: &[u8]) -> Option<(&str, &[u8])> {
    plain::read(message)
}
