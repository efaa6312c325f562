//! The stable codes of errors an operator meets. A code is never given another meaning; a retired one stays listed as such.

/// A code with the one line that the error page is headed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `FIRN-Sxxx`.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// What to do about it, in one line.
    pub cure: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $cure:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code { code: $code, title: $title, cure: $cure };)*
        /// Every code of this crate, ascending.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    BAD_URL = "FIRN-S001", "The store's address is not understood",
        "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///DIR or a directory";
    BAD_SETTING = "FIRN-S002", "A setting of the store has no usable value",
        "correct the setting named";
    NOT_BUILT_IN = "FIRN-S003", "This build cannot talk to that kind of store",
        "use a build with the feature named";
    NOT_FOUND = "FIRN-S010", "No such object",
        "check the address and the key; an object named by a manifest that is gone was deleted by someone else";
    NO_BUCKET = "FIRN-S011", "The bucket or container does not exist",
        "create it, or correct the address";
    DENIED = "FIRN-S012", "Permission denied",
        "give this identity the right named in the message";
    UNAUTHENTICATED = "FIRN-S013", "The store did not accept the credentials",
        "check which credentials are in use and whether they have expired";
    CLOCK_SKEW = "FIRN-S014", "This machine's clock differs too much from the store's",
        "set the clock (NTP)";
    WRONG_REGION = "FIRN-S015", "The bucket lives in another region",
        "set the region named";
    UNAVAILABLE = "FIRN-S020", "The store did not answer within the deadline",
        "see the cause; the operation may simply be tried again later";
    AMBIGUOUS = "FIRN-S021", "Whether the write was applied is not known",
        "nothing by hand: Firnline reads back and decides; seen often, look at the network";
    TRUNCATED = "FIRN-S022", "The store sent other bytes than were asked for",
        "look for a proxy or cache between here and the store";
    BEYOND_END = "FIRN-S023", "The object is shorter than expected",
        "run verify: the object is damaged or was replaced";
    TOO_LARGE = "FIRN-S024", "The object is too large to be read at once",
        "run verify: the object is damaged or was replaced";
    CORRUPTED = "FIRN-S025", "The store holds other bytes than were sent",
        "try again; seen twice, check memory and network of this machine";
    FULL = "FIRN-S030", "No space left in the store",
        "free space or raise the quota; nothing half-written is left behind";
    NOT_DURABLE = "FIRN-S031", "The file system failed to make a write durable",
        "check the disk; run again to find out what was written";
    REJECTED = "FIRN-S032", "The store refuses the request",
        "see the cause";
    BAD_KEY = "FIRN-S033", "The key cannot be stored",
        "report it: keys are made by Firnline";
    IO = "FIRN-S034", "The local file system failed",
        "check the disk named in the message";
    PROBE_FAILED = "FIRN-S040", "The store does not do what Firnline's safety rests on",
        "use another store; Firnline writes nothing to this one";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_well_formed_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in ALL {
            let digits = code.code.strip_prefix("FIRN-S").expect("prefix");
            assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", code.code);
            assert!(!code.title.ends_with('.') && !code.cure.is_empty());
        }
    }
}
