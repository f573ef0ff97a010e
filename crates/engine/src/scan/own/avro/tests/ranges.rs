//! Ranges that adjoin have every row once, in order.

use super::files::{file, long, record, sized};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

const COLUMNS: [(&str, DataType); 1] = [("id", DataType::Int64)];

/// Rows of a number and a text.
fn numbered(blocks: &[Vec<usize>]) -> Vec<u8> {
    let schema =
        record(json!([{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]));
    let mut id = 0;
    let mut row = |text: &usize| {
        id += 1;
        [long(id - 1), sized("x".repeat(*text))].concat()
    };
    let blocks: Vec<Vec<Vec<u8>>> =
        blocks.iter().map(|texts| texts.iter().map(&mut row).collect()).collect();
    let blocks: Vec<&[Vec<u8>]> = blocks.iter().map(Vec::as_slice).collect();
    file(&schema, &blocks)
}

fn in_ranges(file: &[u8], ranges: impl Iterator<Item = Range<usize>>) -> String {
    let wanted = wanted(&COLUMNS, 100);
    let batches: Vec<RecordBatch> =
        ranges.flat_map(|range| read_range(file, &wanted, Some(range)).unwrap()).collect();
    lines(&batches)
}

fn counted(rows: usize) -> String {
    (0..rows).map(|row| row.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_is_split_anywhere() {
    let file = numbered(&[vec![0, 3], vec![], vec![100], vec![1; 5]]);
    for place in 0..=file.len() {
        let ranges = [0..place, place..file.len()];
        assert_eq!(in_ranges(&file, ranges.into_iter()), counted(8), "{place}");
    }
    let bytes = (0..file.len()).map(|place| place..place + 1);
    assert_eq!(in_ranges(&file, bytes), counted(8));
}

/// Some writers put the marker among the metadata.
#[test]
fn a_marker_in_the_header_is_none() {
    let schema = record(json!([{"name": "id", "type": "long"}]));
    let metadata =
        [("avro.sync", &files::SYNC[..]), ("avro.schema", schema.to_string().as_bytes())]
            .map(|(key, value)| (key, value.to_vec()));
    let metadata: Vec<(&str, &[u8])> =
        metadata.iter().map(|(key, value)| (*key, value.as_slice())).collect();
    let mut file = files::header(&metadata);
    file.extend(files::block(1, &long(0)));
    file.extend(files::block(1, &long(1)));
    for place in 0..=file.len() {
        let ranges = [0..place, place..file.len()];
        assert_eq!(in_ranges(&file, ranges.into_iter()), counted(2), "{place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_read_once(
        blocks in vec(vec(0_usize..300, 0..6), 0..12),
        cuts in vec(0.0..1.0, 0..8),
    ) {
        let file = numbered(&blocks);
        let mut places: Vec<usize> =
            cuts.iter().map(|cut: &f64| (cut * file.len() as f64) as usize).collect();
        places.extend([0, file.len()]);
        places.sort_unstable();
        let ranges = places.windows(2).map(|pair| pair[0]..pair[1]);
        prop_assert_eq!(in_ranges(&file, ranges), counted(blocks.iter().map(Vec::len).sum()));
    }
}
