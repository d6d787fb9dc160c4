#[allow(unreachable_pub)]
#[path = "../../examples/embed.rs"]
mod embed;

#[test]
fn the_example_runs() {
    let dir = tempfile::tempdir().unwrap();
    embed::run(dir.path()).unwrap();
}
