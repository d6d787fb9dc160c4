//! Asks EC2 for its machines, and says what they are and how sure that is.
//!
//! `embed [region [endpoint]]`; credentials are found as every tool of AWS finds them.
#![allow(missing_docs)]

use std::sync::Arc;

use redeye_cloud::{Kind, Megavisor};
use redeye_cloud_ec2::{Ec2Megavisor, Settings};
use rem_time::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let region = arguments.next().unwrap_or_else(|| "eu-west-1".into());
    let mut settings = Settings::new(format!("ec2/default/{region}").parse()?);
    settings.endpoint = arguments.next();
    let ec2 = Ec2Megavisor::new(settings, Arc::new(SystemClock));
    let scope = ec2.scope().clone();
    println!("{scope}: does {} things", ec2.capabilities().does.len());
    match ec2.list(&scope, Kind::Instance).await {
        Ok(listing) => {
            println!(
                "{} machines, all of them: {}",
                listing.items.len(),
                listing.complete
            );
            for machine in listing.items.iter().filter_map(|one| one.as_instance()) {
                println!("{} is {}", machine.id, machine.power.name());
            }
        }
        Err(error) => println!("nobody knows: {error}"),
    }
    Ok(())
}
