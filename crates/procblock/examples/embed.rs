//! The shortest program that processes blocks: a block with a tag of its own.

use procblock::{Block, Call, Engine, EngineOptions, TagFunction, TagOutcome, Tags};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shout = TagFunction::rust(|call| {
        let text = call.value.as_str().ok_or("text is expected")?;
        Ok(TagOutcome::Keep(text.to_uppercase().into()))
    });
    let tags = Tags::new().with("shout .+", 300, shout)?;
    let block = Block::parse_with("greeting.yaml", GREETING, &tags)?;

    let engine = Engine::new(EngineOptions::new());
    let result = engine.process(&block, Call::new().data("load", 7)).await?;
    println!("{result:#}");
    engine.shutdown().await;
    Ok(())
}

const GREETING: &str = "
shout greeting: hello
if load > 5:
  level: high
  else:
    level: low
";
