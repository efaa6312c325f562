//! Java's `.properties` text, as `java.util.Properties.store` writes it and people edit it.

/// The pairs in the order they stand. Values are ISO-8859-1 with `\uXXXX` escapes; a key that stands twice counts as
/// it last stands, which is Java's rule too, so callers take the last.
pub(super) fn parse(text: &[u8]) -> Vec<(String, String)> {
    logical_lines(text).iter().map(|line| split(line)).collect()
}

/// Joins lines that end in an odd number of backslashes with the next; drops blank lines and comments.
fn logical_lines(text: &[u8]) -> Vec<Vec<char>> {
    let mut lines = Vec::new();
    let mut open: Option<Vec<char>> = None;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line: Vec<char> =
            line.iter().map(|&byte| char::from(byte)).skip_while(|c| is_space(*c)).collect();
        if open.is_none() && (line.is_empty() || matches!(line.first(), Some('#' | '!'))) {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        whole.extend(line);
        let slashes = whole.iter().rev().take_while(|&&c| c == '\\').count();
        if slashes % 2 == 1 {
            whole.pop();
            open = Some(whole);
        } else {
            lines.push(whole);
        }
    }
    lines.extend(open);
    lines
}

/// The key ends at the first `=`, `:` or blank that no backslash escapes.
fn split(line: &[char]) -> (String, String) {
    let mut escaped = false;
    let mut end = line.len();
    for (index, &c) in line.iter().enumerate() {
        if !escaped && (is_space(c) || c == '=' || c == ':') {
            end = index;
            break;
        }
        escaped = !escaped && c == '\\';
    }
    let (key, rest) = line.split_at(end);
    let skip = rest.iter().take_while(|&&c| is_space(c)).count();
    let rest = &rest[skip..];
    let rest = match rest.first() {
        Some('=' | ':') => &rest[1..],
        _ => rest,
    };
    let skip = rest.iter().take_while(|&&c| is_space(c)).count();
    (unescape(key), unescape(&rest[skip..]))
}

fn unescape(text: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}
