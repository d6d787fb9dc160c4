use std::net::SocketAddr;

use redeye_cloud::{Class, CloudError};
use tokio::net::UdpSocket;

use super::Call;
use crate::contract::{Code, Said};
use crate::template::Template;

/// The discard port, to which such packets usually go.
const PORT: u16 = 9;

/// Sends the packet that wakes a machine: six times 255, then sixteen times its
/// hardware address (AMD, Magic Packet Technology, 1995). Nobody answers.
pub(super) async fn run(
    call: &Call<'_>,
    mac: &Template,
    to: Option<&Template>,
) -> Result<Said, CloudError> {
    let invalid = |message: String| CloudError::new(Class::Invalid, call.doing, message);
    let text = mac.fill(call.values);
    if text.is_empty() {
        let message = "the machine has no hardware address, and nothing else wakes it";
        return Err(CloudError::new(Class::Unsupported, call.doing, message));
    }
    let mac = hardware_address(&text).ok_or_else(|| {
        invalid(format!(
            "not a hardware address such as 52:54:00:12:34:56: {text}"
        ))
    })?;
    let to = to
        .map(|to| to.fill(call.values))
        .filter(|to| !to.is_empty());
    let to = match to {
        None => SocketAddr::from(([255, 255, 255, 255], PORT)),
        Some(text) => text
            .parse()
            .or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, PORT)))
            .map_err(|_| invalid(format!("not an address such as 192.0.2.255:9: {text}")))?,
    };
    let mut packet = vec![255; 6];
    for _ in 0..16 {
        packet.extend(mac);
    }
    let send = async {
        let any = match to {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(any).await?;
        socket.set_broadcast(true)?;
        socket.send_to(&packet, to).await
    };
    match send.await {
        Ok(_) => Ok(Said::new(Code::Begun, format!("sent to {to}"))),
        Err(error) => Err(CloudError::new(
            Class::Unavailable,
            call.doing,
            format!("cannot send to {to}: {error}"),
        )),
    }
}

fn hardware_address(text: &str) -> Option<[u8; 6]> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let mut address = [0; 6];
    if parts.len() != address.len() {
        return None;
    }
    for (byte, part) in address.iter_mut().zip(parts) {
        if part.len() != 2 || !part.chars().all(|letter| letter.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_six_bytes() {
        let address = Some([0x52, 0x54, 0, 0x12, 0x34, 0xff]);
        assert_eq!(hardware_address("52:54:00:12:34:ff"), address);
        assert_eq!(hardware_address("52-54-00-12-34-FF"), address);
        for bad in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:fff",
            "52:54:00:12:34:+1",
        ] {
            assert_eq!(hardware_address(bad), None, "{bad}");
        }
    }
}
