use super::*;

#[test]
fn what_is_known_at_both_ends_is_not_asked_for() {
    let ends = |known: &str| ends(&known.bytes().map(|byte| byte == b'x').collect::<Vec<_>>());
    for (known, front, back) in [
        ("", 0, 0),
        ("...", 0, 0),
        ("xxx", 3, 0),
        ("x..", 1, 0),
        ("..x", 0, 1),
        ("x.x.xx", 1, 2),
        (".x.", 0, 0),
    ] {
        assert_eq!(ends(known), (front, back), "{known}");
    }
}
