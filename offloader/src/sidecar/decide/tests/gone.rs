//! What is decided of a deleted topic.

use super::*;

#[test]
fn a_deleted_topic_is_marked_brought_up_to_its_last_bound_and_let_go() {
    let mut scene = Scene::new(vec![pins(&[10, 20, 30], HOUR)], Some(digest(10)));
    let view = |scene: &Scene| {
        decide(&View {
            standing: Standing::Deleted,
            leader: None,
            witness_bound: Some(offset(25)),
            stood_still: HOUR,
            ..scene.view()
        })
    };
    assert_eq!(view(&scene), Next::Tombstone);
    let stone = |last_bound| Some(Tombstone { at: TimestampMs::new(1).unwrap(), last_bound });
    scene.tier = Some(Digest { deleted: stone(Some(offset(25))), ..digest(10) });
    assert_eq!(upload_of(&view(&scene)), Some((0, offset(10), offset(25), Why::Deleted)));
    // Somebody else moves it on; only where that was us do we go on at once.
    let moving = |since_commit| {
        let view = View {
            standing: Standing::Deleted,
            leader: None,
            witness_bound: Some(offset(25)),
            since_commit,
            ..scene.view()
        };
        upload_of(&decide(&view)).is_some()
    };
    assert!(!moving(None) && !moving(Some(HOUR)) && moving(Some(Duration::ZERO)));
    scene.tier = Some(Digest { deleted: stone(Some(offset(25))), ..digest(25) });
    assert_eq!(view(&scene), Next::Release { below: Offset::MAX });
    let fresh = Tombstone { at: scene.view().now, last_bound: Some(offset(25)) };
    scene.tier = Some(Digest { deleted: Some(fresh), ..digest(25) });
    waits(&view(&scene), "turn");
    scene.tier = Some(Digest { deleted: stone(Some(offset(20))), ..digest(10) });
    assert_eq!(view(&scene), Next::Tombstone, "whoever marked it knew less than is known here");
    scene.tier = Some(Digest { deleted: stone(Some(offset(25))), ..digest(5) });
    waits(&view(&scene), "pending");
}

/// How much of what is held was committed is not known: neither is it brought, nor let go, nor waited for in silence.
#[test]
fn a_deleted_topic_of_which_nobody_here_was_told_a_bound_asks_a_person() {
    let mut scene = Scene::new(vec![pins(&[10, 20, 30], HOUR)], None);
    let view = |scene: &Scene, wanted_for| {
        decide(&View {
            standing: Standing::Deleted,
            leader: None,
            witness_bound: None,
            stood_still: HOUR,
            wanted_for,
            ..scene.view()
        })
    };
    let soon = Duration::ZERO;
    waits(&view(&scene, soon), "operator-unproven");
    let marked = |last_bound: Option<i64>, tier_end| {
        let at = TimestampMs::new(1).unwrap();
        let deleted = Some(Tombstone { at, last_bound: last_bound.map(offset) });
        Some(Digest { deleted, ..digest(tier_end) })
    };
    scene.tier = marked(None, 10);
    waits(&view(&scene, soon), "operator-unproven");
    // Others were told how far it goes, and cannot bring it.
    scene.tier = marked(Some(25), 10);
    waits(&view(&scene, soon), "operator-unproven");
    scene.tier = marked(Some(25), 5);
    waits(&view(&scene, soon), "pending");
    waits(&view(&scene, HOUR), "operator-unproven");
    // Nothing is in doubt.
    for all_is_there in [marked(Some(25), 25), marked(None, 30)] {
        scene.tier = all_is_there;
        assert_eq!(view(&scene, soon), Next::Release { below: Offset::MAX });
    }
}
