//! Whether an answer is what was asked for. The SDK reads nonsense as nothing.

/// The element of which an answer to an action is useless if it lacks it.
fn needed(action: &str) -> Option<&'static str> {
    Some(match action {
        "RunInstances" | "StartInstances" | "StopInstances" | "TerminateInstances" => {
            "instancesSet"
        }
        "DescribeInstances" => "reservationSet",
        "DescribeVolumes" => "volumeSet",
        "DescribeVolumesModifications" => "volumeModificationSet",
        "DescribeSnapshots" | "CreateSnapshots" => "snapshotSet",
        "DescribeAddresses" => "addressesSet",
        "DescribeSecurityGroups" => "securityGroupInfo",
        "DescribeKeyPairs" => "keySet",
        "DescribeImages" => "imagesSet",
        "DescribeRegions" => "regionInfo",
        "DescribeAvailabilityZones" => "availabilityZoneInfo",
        "DescribeInstanceTypes" => "instanceTypeSet",
        "DescribeAccountAttributes" => "accountAttributeSet",
        "DescribeSubnets" => "subnetSet",
        "CreateVolume" | "AttachVolume" | "DetachVolume" => "volumeId",
        "CreateSnapshot" | "CopySnapshot" => "snapshotId",
        "AllocateAddress" => "allocationId",
        "CreateSecurityGroup" => "groupId",
        "CreateKeyPair" | "ImportKeyPair" => "keyPairId",
        "CreateImage" | "CopyImage" => "imageId",
        "DescribeLoadBalancers" | "CreateLoadBalancer" => "LoadBalancers",
        "DescribeTargetGroups" | "CreateTargetGroup" => "TargetGroups",
        "DescribeListeners" | "CreateListener" => "Listeners",
        "DescribeTargetHealth" => "TargetHealthDescriptions",
        _ => return None,
    })
}

/// What is wrong with a good answer to an action, if anything is.
pub(crate) fn wrong(action: &str, body: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Some("it is not text".to_owned());
    };
    if text.trim().is_empty() {
        return Some("it is empty".to_owned());
    }
    let Some(root) = root(text) else {
        return Some(format!("it is not XML: {}", begin(text)));
    };
    let name = root.split_whitespace().next().unwrap_or("");
    if name.trim_end_matches('/') != format!("{action}Response") {
        return Some(format!("it begins with <{name}>"));
    }
    let ours = [
        "http://ec2.amazonaws.com/doc/",
        "http://elasticloadbalancing.amazonaws.com/doc/",
    ];
    let namespace = attribute(root, "xmlns").unwrap_or("");
    if !ours.iter().any(|one| namespace.starts_with(one)) {
        return Some(format!("its namespace is {namespace:?}"));
    }
    let missing = needed(action).filter(|element| !has(text, element))?;
    Some(format!("it lacks <{missing}>"))
}

/// Name and attributes of the outermost element.
fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with("<?") || rest.starts_with("<!--") {
        rest = rest.split_once('>')?.1.trim_start();
    }
    let inner = rest.strip_prefix('<')?;
    Some(inner.split_once('>')?.0)
}

fn attribute<'t>(root: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = root.split_once(&format!("{name}="))?;
    let quote = rest.chars().next()?;
    rest[1..].split(quote).next()
}

fn has(text: &str, element: &str) -> bool {
    text.match_indices(&format!("<{element}"))
        .any(|(at, begin)| text[at + begin.len()..].starts_with(['>', '/', ' ']))
}

fn begin(text: &str) -> String {
    text.trim().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <reservationSet/></DescribeInstancesResponse>";

    #[test]
    fn an_answer_with_its_set_is_one_even_if_the_set_is_empty() {
        assert_eq!(wrong("DescribeInstances", GOOD.as_bytes()), None);
        // As moto writes it.
        let other = GOOD.replace("2016-11-15/", "2016-11-15");
        assert_eq!(wrong("DescribeInstances", other.as_bytes()), None);
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let page = "<html><body>Please sign in</body></html>";
        for (body, why) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("ok", "it is not XML: ok"),
            (page, "it begins with <html>"),
            (
                &GOOD.replace("amazonaws", "example"),
                "its namespace is \"http://ec2.example.com/doc/2016-11-15/\"",
            ),
            (
                &GOOD.replace("<reservationSet/>", ""),
                "it lacks <reservationSet>",
            ),
            (
                &GOOD.replace("reservationSet", "reservationSets"),
                "it lacks <reservationSet>",
            ),
            (
                &GOOD.replace("DescribeInstances", "DescribeVolumes"),
                "it begins with <DescribeVolumesResponse>",
            ),
        ] {
            assert_eq!(
                wrong("DescribeInstances", body.as_bytes()).as_deref(),
                Some(why)
            );
        }
        assert!(wrong("DescribeInstances", b"\xff\xfe").is_some());
    }
}
