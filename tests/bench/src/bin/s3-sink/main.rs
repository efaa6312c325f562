//! An S3 server that throws data away, for benchmarks: the client is then what is measured.
//!
//! It answers what `firnline offload`, `mc cp -r` and `rclone copy` ask: single and multipart puts, conditions,
//! HEAD, GET of small objects (manifests), listings. It reads every body to its end, checks a CRC-64/NVME where the
//! client sends one, and keeps objects of up to 1 MiB; of larger ones it keeps the size alone. It checks no signature.
//! It listens on 127.0.0.1 only and prints `listening PORT`; it ends with its standard input.

mod http;
mod objects;

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use http::{Answer, Request};
use objects::{Objects, Part};

/// More connections than any of the clients opens; one past it waits in the listener's backlog.
const THREADS: usize = 128;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(std::io::stdout(), "listening {}", listener.local_addr()?.port())?;
    let objects = Arc::new(Objects::default());
    let listener = Arc::new(listener);
    for _ in 0..THREADS {
        let (listener, objects) = (Arc::clone(&listener), Arc::clone(&objects));
        std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // A client that hangs up in mid-request ends its own connection only.
                let _ended = serve(stream, &objects);
            }
        })?;
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve(stream: TcpStream, objects: &Objects) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    while let Some(request) = Request::read(&mut reader)? {
        if request.header("expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = request.read_body(&mut reader)?;
        let answer = answer(&request, body, objects);
        answer.write(&mut writer, request.method == "HEAD")?;
    }
    Ok(())
}

/// What S3 would say. Keys are whole paths, bucket included.
fn answer(request: &Request, body: http::Body, objects: &Objects) -> Answer {
    if !body.checksum_holds {
        return Answer::error(400, "BadDigest");
    }
    let upload = request.query("uploadId");
    match (request.method.as_str(), upload) {
        ("POST", None) if request.query("uploads").is_some() => Answer::xml(format!(
            "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            objects.begin()
        )),
        ("PUT", Some(id)) => {
            let number = request.query("partNumber").and_then(|number| number.parse().ok()).unwrap_or(0);
            objects.part(id, number, Part { length: body.length, crc64: body.crc64 });
            Answer::ok().with("ETag", "\"part-1\"").with_checksum(&body)
        }
        ("POST", Some(id)) => {
            let (stored, crc64) = objects.complete(id, &request.path);
            let checksum = crc64.map(|crc64| {
                format!(
                    "<ChecksumCRC64NVME>{}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>",
                    http::base64(&crc64.to_be_bytes())
                )
            });
            // A completion without a bucket is an error to the Go client.
            Answer::xml(format!(
                "<CompleteMultipartUploadResult><Bucket>sink</Bucket><ETag>{}</ETag>{}</CompleteMultipartUploadResult>",
                stored.etag,
                checksum.unwrap_or_default()
            ))
        }
        ("DELETE", Some(id)) => {
            objects.abort(id);
            Answer::empty(204)
        }
        ("POST", None) if request.query("delete").is_some() => {
            let asked = body.kept.unwrap_or_default();
            for key in String::from_utf8_lossy(&asked).split("<Key>").skip(1) {
                let key = key.split("</Key>").next().unwrap_or_default();
                objects.delete(&format!("{}/{key}", request.path.trim_end_matches('/')));
            }
            Answer::xml("<DeleteResult/>".into())
        }
        ("PUT", None) if !request.names_object() => Answer::ok(),
        ("PUT", None) => {
            let free = request.header("if-none-match").is_some();
            match objects.put(&request.path, body.length, body.kept.clone(), free, request.header("if-match"))
            {
                Some(stored) => Answer::ok().with("ETag", &stored.etag).with_checksum(&body),
                None => Answer::error(412, "PreconditionFailed"),
            }
        }
        ("DELETE", None) => {
            objects.delete(&request.path);
            Answer::empty(204)
        }
        ("GET" | "HEAD", None) if request.names_object() => match objects.get(&request.path) {
            None => Answer::error(404, "NoSuchKey"),
            Some(stored) if request.header("if-none-match") == Some(&stored.etag) => Answer::empty(304),
            Some(stored) => Answer::object(&stored, request.header("range")),
        },
        ("GET", None) if request.query("location").is_some() => Answer::xml("<LocationConstraint/>".into()),
        ("GET" | "HEAD", None) => Answer::xml(objects.listing(request)),
        _ => Answer::error(501, "NotImplemented"),
    }
}
