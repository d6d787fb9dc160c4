use serde_json::{Value, json};

use crate::{
    Block, Call, Engine, EngineOptions, Processed, RunError, TagFunction, TagOutcome, Tags,
};

async fn keeping(text: &str, data: Value) -> Result<Processed, RunError> {
    let block = Block::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let mut call = Call::new().cwd("/");
    if let Value::Object(map) = data {
        call.pipe_data = map;
    }
    Engine::new(EngineOptions::new())
        .process_keeping(&block, call)
        .await
}

async fn process(text: &str, data: Value) -> Result<Value, String> {
    let processed = keeping(text, data).await;
    processed
        .map(|p| p.result)
        .map_err(|error| error.to_string())
}

#[track_caller]
fn gives(text: &str, data: Value, expected: Value) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(
        runtime.block_on(process(text, data)),
        Ok(expected),
        "{text}"
    );
}

#[track_caller]
fn fails(text: &str, data: Value, expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(
        runtime.block_on(process(text, data)),
        Err(expected.into()),
        "{text}"
    );
}

#[track_caller]
#[allow(clippy::needless_pass_by_value)]
fn leaves(text: &str, data: Value, expected: Value) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let processed = runtime.block_on(keeping(text, data)).unwrap();
    assert_eq!(Value::Object(processed.pipe_data), expected, "{text}");
}

#[test]
fn plain_values_and_nested_blocks_are_the_result() {
    gives(
        "a: 1\nb: [x, {y: 2}]\nc:\n  d: up\n",
        json!({}),
        json!({"a": 1, "b": ["x", {"y": 2}], "c": {"d": "up"}}),
    );
}

#[test]
fn private_keys_are_dropped_at_their_own_level() {
    gives(
        "__note: x\n__priority: 3\na:\n  __hidden: 1\n  b: 2\n",
        json!({}),
        json!({"a": {"b": 2}}),
    );
}

#[test]
fn the_return_tag_is_the_result() {
    gives(
        "__return_tag: b\na: 1\nb: {c: 2}\n",
        json!({}),
        json!({"c": 2}),
    );
    gives(
        "a:\n  __return_tag: x\n  x: 5\n",
        json!({}),
        json!({"a": 5}),
    );
    gives("__return_tag: seen\nset seen: 7\n", json!({}), json!(7));
}

#[test]
fn nested_results_are_flattened_into_the_data_of_the_pipe() {
    leaves(
        "a:\n  b:\n    c: 1\n",
        json!({"z": 0}),
        json!({"z": 0, "c": 1, "b": {"c": 1}, "a": {"b": {"c": 1}}}),
    );
}

#[test]
fn the_else_of_a_false_condition_stands_inside_it() {
    let block = "boing: up\nif boing == \"up\":\n  found: it\n  else:\n    found: nothing\n";
    gives(block, json!({}), json!({"boing": "up", "found": "it"}));
    let block = block.replace("boing: up\n", "");
    gives(
        &block,
        json!({"boing": "down"}),
        json!({"found": "nothing"}),
    );
    gives("if a == 1:\n  b: 2\n", json!({"a": 2}), json!({}));
}

#[test]
fn elif_branches_are_tried_in_the_order_of_the_file() {
    let block = "if n > 9:\n  size: big\n  elif n > 5:\n    size: middle\n  elif n > 2:\n    size: small\n  else:\n    size: tiny\n";
    for (n, size) in [(10, "big"), (6, "middle"), (3, "small"), (1, "tiny")] {
        gives(block, json!({"n": n}), json!({"size": size}));
    }
}

#[test]
fn branches_nest() {
    let block = "if a:\n  if b:\n    r: both\n    else:\n      r: only a\n  else:\n    if b:\n      r: only b\n      else:\n        r: none\n";
    gives(block, json!({"a": true, "b": true}), json!({"r": "both"}));
    gives(block, json!({"a": true}), json!({"r": "only a"}));
    gives(block, json!({"b": true}), json!({"r": "only b"}));
    gives(block, json!({}), json!({"r": "none"}));
}

#[test]
fn conditions_take_the_first_that_holds() {
    let block = "conditions:\n  - if n > 9: {r: 1}\n  - if n > 5: {r: 2}\n  - else: {r: 3}\n";
    gives(block, json!({"n": 10}), json!({"r": 1}));
    gives(block, json!({"n": 7}), json!({"r": 2}));
    gives(block, json!({"n": 0}), json!({"r": 3}));
}

#[test]
fn priorities_order_tags_and_ties_go_by_name() {
    // `if` sees what tags before it produced: plain data has 500, if 600.
    gives(
        "if late == 1:\n  seen: yes\nlate: 1\n",
        json!({}),
        json!({"late": 1, "seen": "yes"}),
    );
    let late = "if late.x == 1:\n  seen: yes\nlate:\n  __priority: 700\n  x: 1\n";
    gives(late, json!({}), json!({"late": {"x": 1}}));
    leaves(
        "list add l: [b]\nlist_add l: [a]\n",
        json!({"l": []}),
        json!({"l": [["b"], ["a"]]}),
    );
}

#[test]
fn lists_and_counters_change_the_data_of_the_pipe() {
    leaves(
        "list add hosts: b\nlist del gone: 1\nincrement n: 2\ndecrement m:\nset x: {y: 1}\n",
        json!({"hosts": ["a"], "gone": [1, 2, 1.0], "n": 5, "m": 0.5}),
        json!({"hosts": ["a", "b"], "gone": [2], "n": 7, "m": -0.5, "x": {"y": 1}}),
    );
    leaves(
        "increment new: 3\nlist add fresh: 1\n",
        json!({}),
        json!({"new": 3, "fresh": [1]}),
    );
    fails(
        "increment n: 1\n",
        json!({"n": "text"}),
        "test.yaml:1:1: tag \"increment n\": n is not a number: \"text\"",
    );
    fails(
        "list add n: 1\n",
        json!({"n": 5}),
        "test.yaml:1:1: tag \"list add n\": n is not a list: 5",
    );
}

#[test]
fn a_run_list_carries_data_from_item_to_item() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let text = "run:\n  - set: {a: 1}\n  - increment a: 4\n  - list add l: x\n  - if a == 5:\n      b: yes\n";
    let result = runtime
        .block_on(process(text, json!({"args": []})))
        .unwrap();
    let mut run = result["run"].as_object().unwrap().clone();
    assert!(run.remove("__start_time").unwrap().as_f64().unwrap() > 1e9);
    assert!(run.remove("__duration").unwrap().as_f64().unwrap() < 10.0);
    assert_eq!(
        Value::Object(run),
        json!({"args": [], "a": 5, "l": ["x"], "b": "yes"})
    );
}

#[test]
fn a_failed_item_goes_to_the_next_except() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let text = "run:\n  - set: {a: 1, n: text}\n  - increment n: 1\n  - set: {a: 2}\n  - except:\n    - set: {handled: true}\n  - set: {after: 1}\n  - except:\n    - set: {never: 1}\n";
    let result = runtime.block_on(process(text, json!({}))).unwrap();
    let run = &result["run"];
    assert_eq!(
        (&run["a"], &run["handled"], &run["after"]),
        (&json!(1), &json!(true), &json!(1))
    );
    assert_eq!(run.get("never"), None);
    assert_eq!(
        run["exception"]["message"],
        json!("n is not a number: \"text\"")
    );
    assert_eq!(run["exception"]["line"], json!(3));
    fails(
        "run:\n  - cd: nowhere-at-all\n  - set: {a: 1}\n",
        json!({}),
        "test.yaml:2:5: run item 1 (cd: nowhere-at-all): no such directory: /nowhere-at-all",
    );
}

#[test]
fn a_directory_counts_for_its_own_chain() {
    gives(
        "__return_tag: where\nrun:\n  - call: inner\n  - shell: pwd\n  - set: {where: 1}\n__functions:\n  inner:\n    - cd: /tmp\n    - shell: pwd\nwhere:\n  __priority: 900\n  template: '%(output)s'\n",
        json!({}),
        json!({"template": "/tmp\n/\n"}),
    );
}

#[test]
fn functions_are_called_by_name_with_values() {
    let text = "__functions:\n  double:\n    - increment n: 0\n    - increment n: 10\nrun:\n  - call: {name: double, with: {n: 5}}\n__return_tag: n\n";
    gives(text, json!({}), json!(15));
    let circle = "__functions:\n  again:\n    - call: again\nrun:\n  - call: again\n";
    fails(
        circle,
        json!({}),
        "test.yaml:3:7: block: blocks and calls are nested deeper than 32",
    );
}

#[test]
fn locks_are_held_for_their_block_and_released_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(EngineOptions::new());
        let failing = "require lock: {name: db, timeout: 0.05}\nrun:\n  - cd: /nowhere-at-all\n";
        let failing = Block::parse("f.yaml", failing).unwrap();
        assert!(engine.process(&failing, Call::new()).await.is_err());
        assert!(engine.process(&failing, Call::new()).await.unwrap_err().to_string().contains("no such directory"));

        let outer = "require lock: db\ninner:\n  require lock: {name: db, timeout: 0.05, timeout_exception: db is busy}\n  a: 1\n";
        let outer = Block::parse("o.yaml", outer).unwrap();
        let error = engine.process(&outer, Call::new()).await.unwrap_err();
        assert_eq!(error.to_string(), "o.yaml:3:3: tag \"require lock\": db is busy");

        let instead = "require lock: db\ninner:\n  require lock: {name: db, timeout: 0.05, timeout_block: {busy: true}}\n  a: 1\n";
        let instead = Block::parse("i.yaml", instead).unwrap();
        assert_eq!(engine.process(&instead, Call::new()).await.unwrap(), json!({"inner": {"busy": true}}));

        let released = "require lock: db\nrelease lock: db\nx:\n  __priority: 10000\n  require lock: {name: db, timeout: 0.05}\n  a: 1\n";
        let released = Block::parse("r.yaml", released).unwrap();
        assert_eq!(engine.process(&released, Call::new()).await.unwrap(), json!({"x": {"a": 1}}));
    });
}

#[test]
fn a_lock_of_a_cancelled_block_is_free_again() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(EngineOptions::new());
        let slow = Block::parse("s.yaml", "require lock: db\nrun:\n  - shell: sleep 30\n").unwrap();
        let mut call = Call::new();
        call.timeout = Some("100ms".parse().unwrap());
        let error = engine.process(&slow, call).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "s.yaml:1:1: block s.yaml: timed out after 100ms"
        );
        let next = Block::parse("n.yaml", "require lock: {name: db, timeout: 1}\na: 1\n").unwrap();
        assert_eq!(
            engine.process(&next, Call::new()).await.unwrap(),
            json!({"a": 1})
        );
    });
}

#[test]
fn a_lock_is_free_after_a_panic_of_a_tag() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(EngineOptions::new());
        let tags = Tags::new()
            .with("explode", 500, TagFunction::rust(|_| panic!("on purpose")))
            .unwrap();
        let block = Block::parse_with("p.yaml", "require lock: db\nexplode: 1\n", &tags).unwrap();
        let task = tokio::spawn({
            let engine = engine.clone();
            async move { engine.process(&block, Call::new()).await.map(|_| ()) }
        });
        assert!(task.await.unwrap_err().is_panic());
        let next = Block::parse("n.yaml", "require lock: {name: db, timeout: 1}\na: 1\n").unwrap();
        assert_eq!(
            engine.process(&next, Call::new()).await.unwrap(),
            json!({"a": 1})
        );
    });
}

#[test]
fn results_go_into_queues() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(EngineOptions::new());
        let text = "load:\n  short: 4\nput tag load in queue wall:\nput tag x in queue y:\n  - {tag: load, queue: other}\n";
        let block = Block::parse("q.yaml", text).unwrap();
        assert_eq!(engine.process(&block, Call::new()).await.unwrap(), json!({"load": {"short": 4}}));
        let shared = &engine.inner().shared;
        for queue in ["wall", "other"] {
            let found = shared.answer(&engine, "queue.oldest", &[json!(queue), json!(5), json!(true)]).await;
            assert_eq!(found, Ok(json!([{"short": 4}])));
        }
    });
    fails(
        "put tag load in queue wall:\n",
        json!({}),
        "test.yaml:1:1: tag \"put tag load in queue wall\": no tag of this name has a result: load",
    );
}

#[test]
fn tags_can_be_functions_in_rust_blocks_and_patterns() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(EngineOptions::new());
        let greeting = Block::parse(
            "g.yaml",
            "__return_tag: text\ntext:\n  __return_tag: t\n  template: x\n  set t: hello\n",
        )
        .unwrap();
        let tags = Tags::new()
            .with(
                "shout .+",
                300,
                TagFunction::rust(|call| {
                    let text = call.value.as_str().ok_or("text is expected")?;
                    Ok(TagOutcome::Keep(json!(format!(
                        "{}: {}",
                        call.tag,
                        text.to_uppercase()
                    ))))
                }),
            )
            .unwrap()
            .with(
                "merge",
                300,
                TagFunction::rust(|_| {
                    Ok(TagOutcome::Merge(
                        json!({"m": 1}).as_object().unwrap().clone(),
                    ))
                }),
            )
            .unwrap()
            .with("drop", 300, TagFunction::rust(|_| Ok(TagOutcome::Discard)))
            .unwrap()
            .with("greet", 300, TagFunction::Block(greeting))
            .unwrap();
        let block = Block::parse_with(
            "t.yaml",
            "shout it: hey\nmerge: 1\ndrop: 2\ngreet: 3\n",
            &tags,
        )
        .unwrap();
        assert_eq!(
            engine.process(&block, Call::new()).await.unwrap(),
            json!({"shout it": "shout it: HEY", "m": 1, "greet": "hello"})
        );
        let block = Block::parse_with("t.yaml", "shout it: 5\n", &tags).unwrap();
        let error = engine.process(&block, Call::new()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "t.yaml:1:1: tag \"shout it\": text is expected"
        );
    });
}

#[test]
fn a_file_brings_its_own_tag_functions() {
    gives(
        "__tag_functions:\n  level of .+:\n    priority: 700\n    block:\n      __return_tag: level\n      if value > 5:\n        level: high\n        else:\n          level: low\nlevel of disk: 7\n",
        json!({}),
        json!({"level of disk": "high"}),
    );
}

#[test]
fn templates_are_rendered_last() {
    gives(
        "name: web\ntemplate: 'on {{ name }}: %(load)s, {{ load + 1 }}'\n",
        json!({"load": 4}),
        json!({"name": "web", "template": "on web: %(load)s, 5"}),
    );
}

#[test]
fn an_order_between_kinds_names_the_condition() {
    fails(
        "if 10 > \"a\":\n  x: 1\n",
        json!({}),
        "test.yaml:1:1: condition \"10 > \"a\"\": cannot tell whether 10 > \"a\": only two numbers or two texts have an order",
    );
}
