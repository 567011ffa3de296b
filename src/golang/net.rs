//! Addresses as Go's `net` reads them.

use std::net::IpAddr;

/// An IPv4 or IPv6 address without a zone (`net.ParseIP`).
///
/// Go holds an IPv4 address inside of IPv6 to be the IPv4 address, and prints it so; so it is one here.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Host and port of `host:port`, `[host]:port` or `[host%zone]:port` (`net.SplitHostPort`).
pub fn split_host_port(address: &str) -> Result<(&str, &str), String> {
    let complain = |problem: &str| match address {
        "" => Err(problem.to_owned()),
        _ => Err(format!("address {address}: {problem}")),
    };
    const MISSING_PORT: &str = "missing port in address";
    const TOO_MANY_COLONS: &str = "too many colons in address";
    let Some((before, port)) = address.rsplit_once(':') else {
        return complain(MISSING_PORT);
    };
    // Behind the brackets that enclose a host there may be no more of them.
    let (host, unopened, unclosed) = match address.strip_prefix('[') {
        None if before.contains(':') => return complain(TOO_MANY_COLONS),
        None => (before, address, address),
        Some(inside) => match inside.split_once(']') {
            None => return complain("missing ']' in address"),
            Some((host, behind)) => match behind.strip_prefix(':') {
                None => return complain(MISSING_PORT),
                Some(last) if last.contains(':') => return complain(TOO_MANY_COLONS),
                Some(_) => (host, inside, behind),
            },
        },
    };
    match (unopened.contains('['), unclosed.contains(']')) {
        (true, _) => complain("unexpected '[' in address"),
        (_, true) => complain("unexpected ']' in address"),
        _ => Ok((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_go_prints_them() {
        for (text, printed) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("2001:DB8:0:0:0:0:0:1", Some("2001:db8::1")),
            ("::", Some("::")),
            ("01.2.3.4", None),
            ("1.2.3", None),
            ("fe80::1%eth0", None),
            ("[::1]", None),
            ("", None),
        ] {
            assert_eq!(
                parse_ip(text).map(|ip| ip.to_string()).as_deref(),
                printed,
                "{text}"
            );
        }
    }

    #[test]
    fn ports_are_split_off() {
        assert_eq!(split_host_port("[::1]:80"), Ok(("::1", "80")));
        assert_eq!(split_host_port("a:"), Ok(("a", "")));
        assert_eq!(
            split_host_port(""),
            Err("missing port in address".to_owned())
        );
        for (address, problem) in [
            ("a", "missing port in address"),
            ("[::1]", "missing port in address"),
            ("[::1]80", "missing port in address"),
            ("[::1", "missing ']' in address"),
            ("a:b:c", "too many colons in address"),
            ("[::1]:2:3", "too many colons in address"),
            ("a]:1", "unexpected ']' in address"),
            ("[a[]:1", "unexpected '[' in address"),
        ] {
            assert_eq!(
                split_host_port(address),
                Err(format!("address {address}: {problem}"))
            );
        }
    }
}
