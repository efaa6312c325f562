//! SASL PLAIN (RFC 4616): name and password in the open, within TLS.

/// The longest password that is hashed, in bytes.
const PASSWORD_MAX: usize = 1024;

/// Name and password of the one message that there is; `None` where it is not of the form, or somebody wants to act as
/// somebody else.
pub(super) fn read(message: &[u8]) -> Option<(&str, &[u8])> {
    let mut parts = message.split(|byte| *byte == 0);
    let (acting_as, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let form = parts.next().is_none() && !user.is_empty() && !password.is_empty();
    let himself = acting_as.is_empty() || acting_as == user;
    let user = str::from_utf8(user).ok()?;
    (form && himself && password.len() <= PASSWORD_MAX).then_some((user, password))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn name_and_password_are_taken_apart() {
        assert_eq!(read(b"\0tim\0tanstaaf"), Some(("tim", &b"tanstaaf"[..])));
        assert_eq!(read(b"tim\0tim\0x"), Some(("tim", &b"x"[..])));
        for bad in
            [&b""[..], b"\0", b"\0\0", b"\0tim\0", b"\0\0x", b"ben\0tim\0x", b"\0tim\0x\0", b"\0\xff\0x"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read(&[b"\0tim\0".to_vec(), vec![b'x'; 1025]].concat()), None);
    }
}
