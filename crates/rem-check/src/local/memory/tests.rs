use super::*;

#[test]
fn a_captured_machine_is_read_in_bytes() {
    let memory = parse_meminfo(include_str!("../../../tests/fixtures/vm/meminfo")).unwrap();
    assert_eq!(memory.total, 24_684_092 * 1024);
    assert!(memory.available < memory.total);
    assert_eq!(memory.swap_total, Some(0));
}

#[test]
fn a_kernel_that_does_not_estimate_what_is_available_is_helped() {
    let text = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\n";
    assert_eq!(parse_meminfo(text).unwrap().available, 350 * 1024);
}

#[test]
fn reclaimable_kernel_memory_counts_as_cache() {
    let text = "MemTotal: 1000 kB\nMemAvailable: 10 kB\nCached: 200 kB\nSReclaimable: 5 kB\n";
    assert_eq!(parse_meminfo(text).unwrap().cached, Some(205 * 1024));
}

#[test]
fn more_available_than_there_is_is_capped() {
    let text = "MemTotal: 1000 kB\nMemAvailable: 4000 kB\n";
    assert_eq!(parse_meminfo(text).unwrap().available, 1000 * 1024);
}

#[test]
fn broken_files_are_refused_with_their_line() {
    let line = |text| parse_meminfo(text).unwrap_err().to_string();
    assert_eq!(
        line("MemTotal: x kB\n"),
        "meminfo:1: expected a number of kB"
    );
    assert_eq!(
        line("Foo: 1 kB\nMemFree:\n"),
        "meminfo:2: expected a number of kB"
    );
    assert_eq!(line(""), "meminfo:1: expected MemTotal above 0");
    assert_eq!(
        line("MemTotal: 0 kB"),
        "meminfo:1: expected MemTotal above 0"
    );
}
