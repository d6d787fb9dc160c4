use procblock::{Block, Call};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_script_of_2010_runs_unchanged_and_gets_what_it_got() {
    let world = World::new();
    world.script(
        "look.py",
        "pipe_data['changed'] = pipe_data.pop('old') + 1\n\
         return {'block': block, 'request': request_state, 'input': input_data, 'tag': tag,\n\
         \u{20}       'cwd': cwd, 'env': env, 'parent': block_parent}",
    );
    let block = world.block("title: x\nrun:\n  - script: look.py\n");
    let mut call = Call::new().data("old", 4).cwd(world.path());
    call.input_data = std::sync::Arc::new(json!({"i": 1}).as_object().unwrap().clone());
    call.env = std::sync::Arc::new(vec![("SITE".into(), "north".into())]);
    let call = call.request_state(json!({"user": "ann"}).as_object().unwrap().clone());
    let result = world.engine.process(&block, call).await.unwrap();
    let run = &result["run"];
    assert_eq!(run["block"], json!([{"script": "look.py"}]));
    assert_eq!(
        run["parent"],
        json!({"title": "x", "run": [{"script": "look.py"}]})
    );
    assert_eq!(run["request"], json!({"user": "ann"}));
    assert_eq!(run["input"], json!({"i": 1}));
    assert_eq!(
        (&run["tag"], &run["cwd"]),
        (&json!("run"), &json!(world.path()))
    );
    assert_eq!(run["env"], json!({"SITE": "north"}));
    assert_eq!((&run["changed"], run.get("old")), (&json!(5), None));
}

#[tokio::test]
async fn scripts_chain_and_an_edit_is_live() {
    let world = World::new();
    world.script("a.py", "return {'n': 1}");
    world.script("b.py", "return {'n': pipe_data['n'] + 10, 'seen': env}");
    let items = "- script: a.py\n- script: b.py\n";
    assert_eq!(world.run(items).await.unwrap()["n"], json!(11));
    world.script("a.py", "return {'n': 500}");
    assert_eq!(world.run(items).await.unwrap()["n"], json!(510));
}

#[tokio::test]
async fn an_exception_ends_its_chain_and_names_file_item_and_reason() {
    let world = World::new();
    world.script("boom.py", "return {'x': 1 / 0}");
    world.script("after.py", "return {'after': True}");
    let error = world
        .run("- script: boom.py\n- script: after.py\n")
        .await
        .unwrap_err();
    let text = error
        .to_string()
        .replace(&format!("{}/", world.path().display()), "");
    assert_eq!(
        text,
        "block.yaml:2:5: run item 1 (script: boom.py): ZeroDivisionError: division by zero"
    );
    assert!(error.traceback().unwrap().contains("boom.py"));

    let handled = "- script: boom.py\n- script: after.py\n- except:\n  - set: {handled: true}\n";
    let result = world.run(handled).await.unwrap();
    assert_eq!(
        (&result["handled"], result.get("after")),
        (&json!(true), None)
    );
    assert_eq!(result["exception"]["type"], json!("ZeroDivisionError"));
    assert_eq!(
        result["exception"]["item"],
        json!("run item 1 (script: boom.py)")
    );
}

#[tokio::test]
async fn a_script_returns_a_map_or_nothing() {
    let world = World::new();
    world.script("nothing.py", "pipe_data['quiet'] = 1");
    assert_eq!(
        world.run("- script: nothing.py\n").await.unwrap()["quiet"],
        json!(1)
    );
    world.script("five.py", "return 5");
    assert_eq!(
        world.failure("- script: five.py\n").await,
        "block.yaml:2:5: run item 1 (script: five.py): output: a script returns a map or nothing, this one returned 5"
    );
    world.script("same.py", "pipe_data['more'] = 2\nreturn pipe_data");
    assert_eq!(
        world.run("- script: same.py\n").await.unwrap()["more"],
        json!(2)
    );
}

#[tokio::test]
async fn what_a_script_prints_is_told_not_taken_for_data() {
    let world = World::new();
    world.script("chatty.py", "print('hello')\nreturn {'n': 1}");
    assert_eq!(
        world.run("- script: chatty.py\n").await.unwrap()["n"],
        json!(1)
    );
    let told = "run item 1 (script: chatty.py) printed: hello".to_owned();
    assert!(
        world.told.lines().contains(&told),
        "{:?}",
        world.told.lines()
    );
}

#[tokio::test]
async fn the_modules_of_unidist_are_served_by_the_engine() {
    let world = World::new();
    world.script(
        "shared.py",
        r"from unidist import sharedstate, sharedlock, messagequeue, sharedcounter, log, timeseries
import unidist.sharedstate
r = {}
sharedstate.Set('bucket', 'key', {'a': [1]})
r['state'] = [sharedstate.Get('bucket', 'key'), sharedstate.Get('bucket', 'no'), sharedstate.Get('bucket', 'no', 7)]
r['state_before'] = sharedstate.GetSet('bucket', 'key', 2)
r['lock'] = [sharedlock.Acquire('l'), sharedlock.IsLocked('l'), sharedlock.Acquire('l', timeout=0.02)]
r['locks'] = sharedlock.FindAllLocked()
r['unlock'] = [sharedlock.Release('l'), sharedlock.IsLocked('l'), sharedlock.Release('l')]
sharedcounter.Increment('c')
sharedcounter.Increment('c', 4)
r['counter'] = [sharedcounter.Get('c'), sharedcounter.GetIncrement('c'), sharedcounter.GetSet('c', 100), sharedcounter.Get('c')]
sharedcounter.Set('c', 3)
r['counter_set'] = sharedcounter.Get('c')
for n in range(30):
    messagequeue.AddMessage('wall', {'n': n}, keep=25)
r['queue'] = [messagequeue.Count('wall'), messagequeue.PeekMessageOldest('wall'), messagequeue.GetMessageOldest('wall'),
              messagequeue.GetMessageNewest('wall'), messagequeue.Count('wall'), messagequeue.GetMessageOldest('empty')]
r['peek'] = messagequeue.GetMessagesNewest('wall', 2)
log.log('noted', 5)
timeseries.Store('load', {'short': 4.5}, occurred=1282114743)
return r",
    );
    let result = world.run("- script: shared.py\n").await.unwrap();
    assert_eq!(result["state"], json!([{"a": [1]}, null, 7]));
    assert_eq!(result["state_before"], json!({"a": [1]}));
    assert_eq!(result["lock"], json!([true, true, false]));
    assert_eq!(result["locks"], json!(["l"]));
    assert_eq!(result["unlock"], json!([true, false, false]));
    assert_eq!(result["counter"], json!([5, 6, 6, 100]));
    assert_eq!(result["counter_set"], json!(3));
    assert_eq!(
        result["queue"],
        json!([25, {"n": 5}, {"n": 5}, {"n": 29}, 23, null])
    );
    assert_eq!(result["peek"], json!([{"n": 28}, {"n": 27}]));
    assert!(world.told.lines().contains(&"log: noted 5".to_owned()));
    assert_eq!(world.told.samples(), ["load [(\"short\", Some(4.5))]"]);
}

#[tokio::test]
async fn a_tag_function_can_be_a_script() {
    let world = World::new();
    world.script("twice.py", "return [block, block, tag]");
    let yaml = "__tag_functions:\n  twice .+: {script: twice.py, priority: 300}\ntwice this: a\n";
    let result = world.process(yaml).await.unwrap();
    assert_eq!(result, json!({"twice this": ["a", "a", "twice this"]}));
}

#[tokio::test]
async fn a_script_is_looked_for_beside_its_file_then_in_the_directory() {
    let world = World::new();
    world.file(
        "elsewhere/near.py",
        "def ProcessBlock(*a, **k):\n    return {'from': 'cwd'}\n",
    );
    let block = world.block("run:\n  - script: near.py\n");
    let call = || Call::new().cwd(world.path().join("elsewhere"));
    let result = world.engine.process(&block, call()).await.unwrap();
    assert_eq!(result["run"]["from"], json!("cwd"));
    world.script("near.py", "return {'from': 'beside'}");
    let result = world.engine.process(&block, call()).await.unwrap();
    assert_eq!(result["run"]["from"], json!("beside"));
}

#[tokio::test]
async fn another_function_of_a_script_can_be_named() {
    let world = World::new();
    world.file(
        "many.py",
        "def Other(pipe_data, *more, **named):\n    return {'other': True}\n",
    );
    let items = "- script: many.py\n  function: Other\n";
    assert_eq!(world.run(items).await.unwrap()["other"], json!(true));
    assert_eq!(
        world.failure("- script: many.py\n").await,
        "block.yaml:2:5: run item 1 (script: many.py): the script has no such function"
    );
}

#[tokio::test]
async fn a_block_from_memory_finds_scripts_by_its_name() {
    let world = World::new();
    world.script("n.py", "return {'n': 1}");
    let name = world.path().join("virtual.yaml");
    let block = Block::parse(name.to_str().unwrap(), "run:\n  - script: n.py\n").unwrap();
    let result = world.engine.process(&block, Call::new()).await.unwrap();
    assert_eq!(result["run"]["n"], json!(1));
}
