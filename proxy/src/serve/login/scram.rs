//! SCRAM (RFC 5802, RFC 7677), the server's half, without channel binding, which Kafka does not have.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::hash::Hashed;

/// What a client said first.
pub(super) struct First {
    /// Who he says he is.
    pub(super) user: String,
    gs2_header: String,
    bare: String,
    nonce: String,
}

/// A login that waits for the client's proof.
pub(super) struct Asked {
    pub(super) user: String,
    /// What is kept of his password; made up, where nobody has that name.
    kept: Arc<Hashed>,
    is_there: bool,
    gs2_header: String,
    /// What the proof is over, up to the client's last message.
    so_far: String,
    nonce: String,
}

/// The longest message that is looked at, in bytes.
const MESSAGE_MAX: usize = 4096;

impl First {
    /// Reads the client's first message; `None` where it is not of the form, or wants what is not offered.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let text = str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_MAX)?;
        let mut parts = text.splitn(3, ',');
        let (binding, acting_as, bare) = (parts.next()?, parts.next()?, parts.next()?);
        // `y`: the client could bind the login to the channel, and saw that this side cannot.
        if !["n", "y"].contains(&binding) {
            return None;
        }
        let mut fields = bare.split(',');
        let user = fields.next()?.strip_prefix("n=").and_then(name)?;
        let nonce = fields.next()?.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?;
        // An extension changes what a login means; a delegation token is one.
        if fields.next().is_some() {
            return None;
        }
        let himself =
            acting_as.is_empty() || acting_as.strip_prefix("a=").and_then(name).as_ref() == Some(&user);
        himself.then(|| Self {
            user,
            gs2_header: format!("{binding},{acting_as},"),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// Answers it: with the salt of the user's password, and with a nonce of this side.
    pub(super) fn ask(self, kept: Arc<Hashed>, is_there: bool, random: &str) -> (Vec<u8>, Asked) {
        let Self { user, gs2_header, bare, nonce } = self;
        let nonce = nonce + random;
        let answer = format!("r={nonce},s={},i={}", STANDARD.encode(&kept.salt), kept.iterations);
        let so_far = format!("{bare},{answer}");
        (answer.into_bytes(), Asked { user, kept, is_there, gs2_header, so_far, nonce })
    }
}

impl Asked {
    /// Checks the client's last message. Gives what is answered, and the password's hash that was proven; `None` where it
    /// was not.
    pub(super) fn check(self, message: &[u8]) -> Option<(Vec<u8>, String, Arc<Hashed>)> {
        let text = str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_MAX)?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let proof = STANDARD.decode(proof).ok()?;
        let mut fields = without_proof.split(',');
        let binding = STANDARD.decode(fields.next()?.strip_prefix("c=")?).ok()?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let form = fields.next().is_none() && binding == self.gs2_header.as_bytes() && nonce == self.nonce;
        let auth_message = format!("{},{without_proof}", self.so_far);
        let proven = self.kept.is_proven(auth_message.as_bytes(), &proof);
        (form && proven && self.is_there).then(|| {
            let signature = STANDARD.encode(self.kept.signature(auth_message.as_bytes()));
            (format!("v={signature}").into_bytes(), self.user, self.kept)
        })
    }
}

/// A name as SCRAM writes it: `=` and `,` in it have names of their own.
fn name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        name.push_str(before);
        let (code, after) = after.split_at_checked(2)?;
        name.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        rest = after;
    }
    name.push_str(rest);
    (!name.is_empty()).then_some(name)
}

fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

#[cfg(test)]
mod tests {
    use super::super::hash::Hash;
    use super::*;

    // The example of RFC 7677.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn kept() -> Arc<Hashed> {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Arc::new(Hashed::with_salt(Hash::Sha256, b"pencil", 4096.try_into().unwrap(), salt))
    }

    fn asked(first: &str, is_there: bool) -> Asked {
        First::read(first.as_bytes()).unwrap().ask(kept(), is_there, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").1
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let first = First::read(FIRST.as_bytes()).unwrap();
        assert_eq!(first.user, "user");
        let (answer, asked) = first.ask(kept(), true, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        let expected =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(answer, expected.as_bytes());
        let (answer, user, _) = asked.check(LAST.as_bytes()).unwrap();
        assert_eq!((&*answer, &*user), (&b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="[..], "user"));
    }

    #[test]
    fn no_byte_of_the_proof_may_be_another_one() {
        for at in 0..LAST.len() {
            let mut other = LAST.as_bytes().to_vec();
            other[at] ^= 1;
            assert!(asked(FIRST, true).check(&other).is_none(), "byte {at}");
            assert!(asked(FIRST, true).check(&LAST.as_bytes()[..at]).is_none(), "up to byte {at}");
        }
        assert!(asked(FIRST, true).check(LAST.as_bytes()).is_some());
        assert!(asked(FIRST, false).check(LAST.as_bytes()).is_none(), "a user who is not there");
    }

    #[test]
    fn a_proof_of_zeros_opens_nothing() {
        let nobody = Arc::new(Hashed::of_nobody(Hash::Sha256, "user", &[7; 32]));
        let (_, asked) = First::read(FIRST.as_bytes()).unwrap().ask(nobody, false, "x");
        let last = format!("c=biws,r=rOprNGfwEbeRWgbNEkqOx,p={}", STANDARD.encode([0; 32]));
        assert!(asked.check(last.as_bytes()).is_none());
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        for bad in [
            "",
            "n",
            "n,,",
            "p=tls-unique,,n=user,r=x",
            "n,a=other,n=user,r=x",
            "n,,m=x,n=user,r=x",
            "n,,n=user,r=x,tokenauth=true",
            "n,,n=user,r=",
            "n,,n=,r=x",
            "n,,n=a=2Db,r=x",
            "n,,n=a=,r=x",
            "n,,r=x,n=user",
        ] {
            assert!(First::read(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(First::read(&[b"n,,n=u,r=".to_vec(), vec![b'x'; MESSAGE_MAX]].concat()).is_none());
        assert_eq!(First::read(b"y,a=a=2Cb,n=a=2Cb,r=x").unwrap().user, "a,b");
    }
}
