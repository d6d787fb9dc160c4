use super::{CELL_MAX, Cell, Table, Tone};

fn table(rows: &[&[&str]]) -> Table {
    let mut table = Table::new(["A", "B", "C"]);
    for row in rows {
        table.row(row.iter().map(|text| Cell::from(*text)));
    }
    table
}

#[test]
fn columns_stand_below_each_other_and_lines_end_without_blanks() {
    let text = table(&[&["long one", "x", ""], &["y", "", "z"], &[]]).text(false);
    assert_eq!(text, "A         B  C\nlong one  x\ny            z\n\n");
}

#[test]
fn a_machine_cannot_write_on_the_screen_of_whoever_reads() {
    let text = table(&[&["\u{1b}]0;owned\u{7}", "a\nb", "\u{202e}c"]]).text(true);
    let row = text.lines().nth(1).unwrap_or_default();
    assert_eq!(row, "·]0;owned·  a b  ·c");
}

#[test]
fn a_cell_that_would_push_the_others_off_the_screen_is_cut() {
    let long = "x".repeat(200);
    let text = table(&[&[&long, "b", &long]]).text(false);
    let row = text.lines().nth(1).unwrap_or_default();
    let cut = format!("{}…  b  {long}", "x".repeat(CELL_MAX - 1));
    assert_eq!(row, cut);
}

#[test]
fn colours_do_not_count_as_width() {
    let mut table = Table::new(["A", "B"]);
    table.row([Cell::toned("ok", Tone::Good), "1".into()]);
    table.row([Cell::toned("critical", Tone::Bad), "2".into()]);
    let painted = table.text(true);
    assert!(
        painted.contains("\u{1b}[32mok\u{1b}[0m        1"),
        "{painted:?}"
    );
    let stripped = ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[1m", "\u{1b}[0m"]
        .iter()
        .fold(painted, |text, code| text.replace(code, ""));
    assert_eq!(stripped, table.text(false));
}
