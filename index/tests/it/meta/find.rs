//! Looking up offsets and times.

use firnline_index::manifest::*;

use super::samples::*;

#[test]
fn each_offset_is_an_entry_a_page_a_gap_or_outside() {
    let head = full_head();
    let page = head.pages[0];
    assert_eq!(head.find(offset(149)), Found::BelowStart);
    assert_eq!(head.find(offset(150)), Found::Page(&page));
    assert_eq!(head.find(offset(1_399)), Found::Page(&page));
    assert_eq!(head.find(offset(1_400)), Found::Gap(&head.gaps[0]));
    assert_eq!(head.find(offset(1_499)), Found::Gap(&head.gaps[0]));
    assert_eq!(head.find(offset(1_500)), Found::Entry(&head.entries[0]));
    assert_eq!(head.find(offset(1_799)), Found::Entry(&head.entries[1]));
    assert_eq!(head.find(offset(1_800)), Found::AtOrBeyondEnd);
}

#[test]
fn pages_lead_down_to_the_entry() {
    let upper = refs_page();
    let PageBody::Refs(refs) = &upper.body else { panic!("a page of references") };
    assert_eq!(upper.find(offset(999)), PageFound::Page(&refs[0]));
    assert_eq!(upper.find(offset(1_000)), PageFound::Page(&refs[1]));
    assert_eq!(upper.find(offset(99)), PageFound::Nothing);
    let lower = entries_page();
    let PageBody::Entries { gaps, .. } = &lower.body else { panic!("a page of entries") };
    assert_eq!(lower.find(offset(750)), PageFound::Gap(&gaps[0]));
    assert_eq!(lower.find(offset(699)), PageFound::Entry(Box::new(rich_entry(3, 400, 700, [2, 3]))));
    assert_eq!(lower.find(offset(1_000)), PageFound::Nothing);
}

#[test]
fn a_time_leads_to_the_first_place_that_reaches_it() {
    let head = full_head();
    let base = 1_790_000_000_000;
    let find = |ms, from| head.find_timestamp(time(base + ms), offset(from));
    assert_eq!(find(0, 0), Some(FoundTime::Page(&head.pages[0])));
    assert_eq!(find(1_400, 0), Some(FoundTime::Page(&head.pages[0])));
    assert_eq!(find(1_401, 0), Some(FoundTime::Entry(&head.entries[0])));
    assert_eq!(find(1_700, 0), Some(FoundTime::Entry(&head.entries[1])));
    assert_eq!(find(1_801, 0), None);
    assert_eq!(
        find(0, 1_400),
        Some(FoundTime::Entry(&head.entries[0])),
        "what lies below `from` is passed over"
    );
    let page = entries_page();
    let found = page.find_timestamp(time(base), offset(0));
    assert_eq!(
        found,
        Some(PageFoundTime::Entry(Box::new(entry(2, 200, 400, 2)))),
        "entries without times are passed over"
    );
    assert!(
        matches!(refs_page().find_timestamp(time(base + 1_001), offset(0)), Some(PageFoundTime::Page(r)) if r.level == 0 && r.range == range(1_000, 1_400))
    );
}

#[test]
fn of_overlapping_copies_the_highest_epoch_is_given() {
    let head = kip405_head();
    assert_eq!(head.find(offset(50)), Found::Entry(&head.entries[0]));
    assert_eq!(head.find(offset(150)), Found::Entry(&head.entries[1]));
    assert_eq!(head.find(offset(250)), Found::Hole);
    let table = EntryTable::new(&head.entries);
    assert_eq!(table.find_offset(offset(150)), Some(1));
    assert_eq!(table.find_offset(offset(89)), Some(0));
    assert_eq!(table.find_offset(offset(250)), None);
}
