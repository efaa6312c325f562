// Command gcs is the Google Cloud Storage emulator of the tests: fake-gcs-server, with the XML API's writes in front.
//
// The object_store crate writes through the XML API (conditional PUT, multipart uploads, version 2 listings), of which
// fake-gcs-server has only the downloads. Each of those requests is translated here into the JSON API's, so that
// generations and preconditions stay the emulator's own. What is not translated is refused, never ignored.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	port := flag.Int("port", 0, "port on the loopback address")
	flag.Parse()
	address := fmt.Sprintf("127.0.0.1:%d", *port)

	emulator, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener:  true,
		ExternalURL: "http://" + address,
		PublicHost:  address,
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, newFront(emulator.HTTPHandler())))
}

// front translates the XML API and hands everything else to the emulator.
type front struct {
	emulator http.Handler
	uploads  *uploads
}

func newFront(emulator http.Handler) *front {
	return &front{emulator: emulator, uploads: newUploads()}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	switch first {
	case "storage", "upload", "download", "batch", "_internal":
		f.emulator.ServeHTTP(w, r)
		return
	}
	bucket, object, err := target(r.URL)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidURI", err.Error())
		return
	}
	query := r.URL.Query()
	switch {
	case object == "" && r.Method == http.MethodGet && query.Get("list-type") == "2":
		f.list(w, bucket, query)
	case object == "":
		refuse(w, http.StatusNotImplemented, "NotImplemented", "no such request to a bucket here")
	case r.Method == http.MethodPost && query.Has("uploads"):
		f.beginUpload(w, bucket, object)
	case r.Method == http.MethodPut && query.Has("uploadId"):
		f.putPart(w, r, bucket, object)
	case r.Method == http.MethodPost && query.Has("uploadId"):
		f.completeUpload(w, r, bucket, object)
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		f.abortUpload(w, r, bucket, object)
	case r.Method == http.MethodPut && r.Header.Get("x-goog-copy-source") == "":
		f.put(w, r, bucket, object)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		f.get(w, r)
	case r.Method == http.MethodDelete:
		f.remove(w, r, bucket, object)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented", r.Method+" is not translated")
	}
}

// target splits /bucket/object, where the object's own slashes may be escaped or not.
func target(u *url.URL) (bucket, object string, err error) {
	bucket, object, _ = strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if bucket, err = url.PathUnescape(bucket); err != nil {
		return "", "", err
	}
	object, err = url.PathUnescape(object)
	return bucket, object, err
}

// refuse answers with an error of the XML API.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}
