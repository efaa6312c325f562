#![no_main]

use firnline_logdir::PinName;

libfuzzer_sys::fuzz_target!(|name: &str| {
    if let Some(pin) = PinName::parse(name) {
        assert_eq!(pin.to_string(), name);
    }
});
