use procblock::{Block, Call, LiveBlock, Tags};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_imported_file_becomes_the_value_of_its_name() {
    let world = World::new();
    world.file("parts/disk.yaml", "limit: 90\n__import__more: more.yaml\n");
    world.file("parts/more.yaml", "deep: true\n");
    world.file(
        "more.yaml",
        "wrong: beside the importing file comes first\n",
    );
    let yaml = "disk: {limit: 10, name: root}\n__import__disk: parts/disk.yaml\nnested:\n  __import__x: parts/more.yaml\nlist:\n  - __import__y: parts/more.yaml\n";
    assert_eq!(
        world.process(yaml).await.unwrap(),
        json!({
            "disk": {"limit": 90, "name": "root", "more": {"deep": true}},
            "nested": {"x": {"deep": true}},
            "list": [{"y": {"deep": true}}],
        })
    );
}

#[tokio::test]
async fn a_file_is_also_found_beside_the_first_one() {
    let world = World::new();
    world.file("parts/a.yaml", "__import__shared: shared.yaml\n");
    world.file("shared.yaml", "s: 1\n");
    let result = world.process("__import__a: parts/a.yaml\n").await.unwrap();
    assert_eq!(result, json!({"a": {"shared": {"s": 1}}}));
}

#[tokio::test]
async fn scripts_of_an_imported_file_lie_beside_it() {
    let world = World::new();
    world.file("parts/run.yaml", "run:\n  - script: here.py\n");
    world.script("parts/here.py", "return {'here': 1}");
    let result = world
        .process("__import__part: parts/run.yaml\n")
        .await
        .unwrap();
    assert_eq!(result["part"]["run"]["here"], json!(1));
}

#[tokio::test]
async fn an_edit_is_live_and_a_broken_one_is_not_taken() {
    let world = World::new();
    world.file("part.yaml", "v: 1\n");
    let file = world.file("live.yaml", "__import__p: part.yaml\n");
    let live = LiveBlock::open(&file, Tags::new()).unwrap();
    let value = async |block: &Block| world.engine.process(block, Call::new()).await.unwrap();
    assert_eq!(value(&live.current()).await, json!({"p": {"v": 1}}));

    world.file("part.yaml", "v: 2222\n");
    assert_eq!(value(&live.current()).await, json!({"p": {"v": 2222}}));

    world.file("part.yaml", "v: [1\n");
    assert_eq!(value(&live.current()).await, json!({"p": {"v": 2222}}));
    let problems = live.problems().unwrap().to_string();
    assert!(problems.contains("part.yaml:"), "{problems}");

    std::fs::remove_file(world.path().join("part.yaml")).unwrap();
    assert_eq!(value(&live.current()).await, json!({"p": {"v": 2222}}));
    assert!(
        live.problems()
            .unwrap()
            .to_string()
            .contains("imported file does not exist")
    );

    world.file("part.yaml", "v: 3\n");
    assert_eq!(value(&live.current()).await, json!({"p": {"v": 3}}));
    assert!(live.problems().is_none());
}

#[tokio::test]
async fn an_unchanged_file_is_not_read_again() {
    let world = World::new();
    let file = world.file("same.yaml", "a: 1\n");
    let live = LiveBlock::open(&file, Tags::new()).unwrap();
    assert!(live.current().is_same(&live.current()));
}
