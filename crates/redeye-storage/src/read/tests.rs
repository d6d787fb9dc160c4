use rem_yaml::parse;

use super::*;

fn read(text: &str) -> (Vec<Storage>, String) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places {
        folder: "/srv".into(),
        handlers: folder.path().to_owned(),
    };
    let node = parse("storages.yaml", text).unwrap();
    let mut problems = Problems::new();
    let storages = read_storages(&At::root(&node), &places, &mut problems);
    let told = match problems.is_empty() {
        true => String::new(),
        false => problems.to_string(),
    };
    (storages, told)
}

#[test]
fn a_storage_has_its_layers_from_the_top_down_with_their_parameters() {
    let (storages, told) = read(
        "shop:\n  mount: [shop/a, /srv/b]\n  layers: [{ext4: {freeze: false}}, {lvm: {group: vg0, volume: shop}}, \
         {loop: {files: [a.img, b.img]}}, {loop: {files: c.img}}]\n  \
         volumes: {megavisor: ec2, ids: [vol-1, vol-2]}\n  hold: completed\n  keep: {last: 3, younger: 1d}\n",
    );
    assert_eq!(told, "");
    let shop = &storages[0];
    assert_eq!(
        shop.layer_names(),
        ["ext4", "lvm", "loop", "loop-2", "volumes"]
    );
    assert_eq!(shop.mounts[0], Path::new("/srv/shop/a"));
    assert_eq!(shop.layers[2].parameters["files"], "a.img\nb.img");
    assert_eq!((shop.hold, shop.keep.last), (Hold::Completed, 3));
    let freezes = |layer: usize| {
        let used = &shop.layers[layer];
        let script = used
            .handler
            .script("snapshot", Phase::Entry, &used.parameters);
        script.is_some_and(|script| script.holds)
    };
    assert!(!freezes(0) && freezes(1) && !freezes(2));
}

#[test]
fn mistakes_say_where_and_what_to_do() {
    let (_, told) = read(
        "shop:\n  mount: /\n  layers: [ext5, {loop: {file: a}}, {lvm: {group: x}}]\n  hold_max: 5s\n  hlod: x\n\
         \x20 volumes: {megavisor: ec2, ids: []}\n  verify: {}\n",
    );
    for wanted in [
        "storages.yaml:2:10: shop.mount: the root of all files is no storage of its own",
        "storages.yaml:3:12: shop.layers[0]: no handler comes with us under this name: ext5\n  help: did you mean ext4?",
        "no parameter of loop: file\n  help: did you mean files?",
        "loop has to be told files",
        "lvm has to be told volume",
        "lvm may take 15s to stop writing, which is longer than hold_max: 5s",
        "volumes names no volume",
        "unknown key hlod\n  help: did you mean hold?",
        "it does not say what is run\n  help: write one of argv, script and shell",
    ] {
        assert!(told.contains(wanted), "{wanted}\n--\n{told}");
    }
}

#[test]
fn a_handler_that_holds_has_to_let_go() {
    let text = "handler: mine\nfunctions:\n  snapshot: {entry: {argv: [freeze], holds: true}}\n";
    let told = read_handler("mine.yaml", text, Path::new("/")).unwrap_err();
    assert!(
        told.to_string()
            .contains("an entry that holds needs an exit that lets go"),
        "{told}"
    );
    let text =
        "handler: mine\nparameters: {mount: {}}\nfunctions: {x: {exit: {shell: a, when: b}}}\n";
    let told = read_handler("mine.yaml", text, Path::new("/")).unwrap_err();
    let told = told.to_string();
    assert!(told.contains("mount is given to every script"), "{told}");
    assert!(told.contains("no parameter of this handler: b"), "{told}");
}
