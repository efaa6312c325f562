//! Which login is to come.

use super::{List, message, structs};

structs! {
    struct SaslHandshakeRequest<'a> {
        mechanism: &'a str [0+] = "";
    }
}

message!(SaslHandshakeRequest<'a>, Request, SASL_HANDSHAKE);

structs! {
    struct SaslHandshakeResponse<'a> {
        error_code: i16 [0+] = 0;
        mechanisms: List<'a, &'a str> [0+] = List::new();
    }
}

message!(SaslHandshakeResponse<'a>, Response, SASL_HANDSHAKE);
