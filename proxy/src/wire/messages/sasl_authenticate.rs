//! A step of a login. What it carries may be a password and is never printed.

use super::{Hidden, message, structs};

structs! {
    struct SaslAuthenticateRequest<'a> {
        auth_bytes: Hidden<'a> [0+] = Hidden(&[]);
    }
}

message!(SaslAuthenticateRequest<'a>, Request, SASL_AUTHENTICATE);

structs! {
    struct SaslAuthenticateResponse<'a> {
        error_code: i16 [0+] = 0;
        error_message: Option<&'a str> [0+] = Some("");
        auth_bytes: Hidden<'a> [0+] = Hidden(&[]);
        session_lifetime_ms: i64 [1+] = 0;
    }
}

message!(SaslAuthenticateResponse<'a>, Response, SASL_AUTHENTICATE);
