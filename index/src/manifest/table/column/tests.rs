use super::*;

#[test]
fn narrow_columns_give_back_any_number() {
    let numbers = [0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX, 7];
    let column = Narrow::new(numbers.iter().copied());
    let back: Vec<u64> = (0..numbers.len()).map(|row| column.get(row)).collect();
    assert_eq!(back, numbers);
    assert_eq!(
        column.memory_bytes(),
        6 * 4 + 2 * 8,
        "four bytes a row, eight more for each of two wide ones"
    );
}

#[test]
fn lists_give_back_each_rows_own() {
    let rows: [&[u8]; 5] = [&[], &[1, 2], &[], &[3], &[]];
    let lists = Lists::new(rows.into_iter());
    assert_eq!((0..5).map(|row| lists.get(row)).collect::<Vec<_>>(), rows);
}

#[test]
fn named_values_take_no_room_where_there_are_none() {
    let (a, b) = ("A".to_owned(), "B".to_owned());
    let rows = [None, Some(&a), Some(&b), Some(&a)];
    let named = Named::new(rows.into_iter());
    assert_eq!((0..4).map(|row| named.get(row)).collect::<Vec<_>>(), rows);
    assert_eq!(named.values.len(), 2);
    let none: Named<String> = Named::new([None, None].into_iter());
    assert_eq!((none.get(1), none.memory_bytes(String::capacity)), (None, 0));
}
