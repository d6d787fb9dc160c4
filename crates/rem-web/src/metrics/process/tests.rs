use super::*;

#[test]
fn a_process_with_brackets_in_its_name_is_read() {
    let line = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 12345 \
                1048576 256 18446744073709551615 1 1";
    let expected = Stat {
        cpu_seconds: 3.0,
        started_ticks: 12_345.0,
        virtual_bytes: 1_048_576.0,
    };
    assert_eq!(stat(line), Some(expected));
    assert_eq!(stat("nonsense"), None);
}

#[test]
fn boot_time_and_the_limit_of_files_are_found_among_the_other_lines() {
    assert_eq!(resident_bytes("Name: x\nVmRSS:\t   2 kB\n"), Some(2_048.0));
    assert_eq!(
        boot_seconds("cpu 1 2\nbtime 1700000000\nx 1\n"),
        Some(1.7e9)
    );
    let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024    4096   files\n";
    assert_eq!(files_max(limits), Some(1024.0));
}
