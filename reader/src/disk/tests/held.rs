use super::super::held::{Held, Place};

fn place(slab: u32, at: u32) -> Place {
    Place { slab, at }
}

#[test]
fn the_slab_that_was_of_no_use_for_longest_is_the_oldest() {
    let held = Held::default();
    for slab in 0..3 {
        held.add_slab(slab, 10);
    }
    assert_eq!(held.oldest(None), Some(0));
    held.used(0);
    assert_eq!((held.oldest(None), held.oldest(Some(1))), (Some(1), Some(2)));
    held.used(1);
    assert_eq!(held.oldest(None), Some(2));
    assert_eq!(held.bytes(), 30);
}

#[test]
fn a_slab_goes_with_its_records_and_no_others() {
    let held = Held::default();
    held.add_slab(1, 10);
    held.add_slab(2, 20);
    for fingerprint in 0..100 {
        held.add(fingerprint, place(1, 1));
    }
    // Written again after the first was found damaged.
    held.add(7, place(2, 5));
    assert_eq!(held.records(), 100);
    assert_eq!(held.forget_slab(1), 99);
    assert_eq!((held.find(7), held.find(8), held.records()), (Some(place(2, 5)), None, 1));
    assert_eq!((held.forget_slab(1), held.bytes()), (0, 20));
    held.add(9, place(1, 1));
    assert_eq!(held.find(9), None, "its slab has gone meanwhile");
    held.clear();
    assert_eq!((held.records(), held.bytes(), held.oldest(None)), (0, 0, None));
}

#[test]
fn a_record_is_forgotten_where_it_was_found_and_nowhere_else() {
    let held = Held::default();
    held.add_slab(1, 10);
    held.add(7, place(1, 1));
    assert!(!held.forget(7, place(1, 2)), "it was written again meanwhile");
    assert!(held.forget(7, place(1, 1)) && !held.forget(7, place(1, 1)));
    assert_eq!(held.records(), 0);
}
