package main

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// resource is the part of the JSON API's object that the XML API's headers repeat.
type resource struct {
	Generation string `json:"generation"`
	Etag       string `json:"etag"`
	Name       string `json:"name"`
	Size       string `json:"size"`
	Updated    string `json:"updated"`
}

// put is PUT Object. The preconditions are the emulator's, the checksum of the body is checked here as the cloud does.
func (f *front) put(w http.ResponseWriter, r *http.Request, bucket, object string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody", err.Error())
		return
	}
	if !hashFits(r.Header, body) {
		refuse(w, http.StatusBadRequest, "BadDigest", "the body does not have the hash of its header")
		return
	}
	stored, ok := f.store(w, r.Header, bucket, object, body)
	if !ok {
		return
	}
	w.Header().Set("ETag", quoted(stored.Etag))
	w.Header().Set("x-goog-generation", stored.Generation)
	w.WriteHeader(http.StatusOK)
}

// store writes an object through the JSON API and answers with the emulator's status where that fails.
func (f *front) store(w http.ResponseWriter, header http.Header, bucket, object string, body []byte) (resource, bool) {
	query := url.Values{"uploadType": {"media"}, "name": {object}}
	if generation := header.Get("x-goog-if-generation-match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	path := "/upload/storage/v1/b/" + url.PathEscape(bucket) + "/o?" + query.Encode()
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/octet-stream")
	answer := httptest.NewRecorder()
	f.emulator.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		refuse(w, answer.Code, codeOf(answer.Code), "the emulator refused the upload")
		return resource{}, false
	}
	var stored resource
	if err := json.Unmarshal(answer.Body.Bytes(), &stored); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
		return resource{}, false
	}
	return stored, true
}

// get is GET and HEAD Object; the emulator answers both but knows no conditional GET.
func (f *front) get(w http.ResponseWriter, r *http.Request) {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	if match == "" && none == "" {
		f.emulator.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	f.emulator.ServeHTTP(answer, r)
	etag := answer.Header().Get("ETag")
	switch {
	case answer.Code >= 300:
	case match != "" && match != etag:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "the object has another ETag")
		return
	case none != "" && none == etag:
		w.Header().Set("ETag", etag)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	// A client that has gone is no fault of the emulator's.
	_, _ = w.Write(answer.Body.Bytes())
}

// remove is DELETE Object; 204 where it is done, as the XML API answers.
func (f *front) remove(w http.ResponseWriter, r *http.Request, bucket, object string) {
	if r.Header.Get("x-goog-if-generation-match") != "" {
		refuse(w, http.StatusNotImplemented, "NotImplemented", "conditional delete is not translated")
		return
	}
	path := "/storage/v1/b/" + url.PathEscape(bucket) + "/o/" + url.PathEscape(object)
	answer := httptest.NewRecorder()
	f.emulator.ServeHTTP(answer, httptest.NewRequest(http.MethodDelete, path, nil))
	if answer.Code >= 300 {
		refuse(w, answer.Code, codeOf(answer.Code), "the emulator refused the delete")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// hashFits checks Content-MD5 and x-goog-hash (crc32c=…, md5=…), each where it is given.
func hashFits(header http.Header, body []byte) bool {
	sum := md5.Sum(body)
	md5Text := base64.StdEncoding.EncodeToString(sum[:])
	crcText := base64.StdEncoding.EncodeToString(
		binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))))
	if given := header.Get("Content-MD5"); given != "" && given != md5Text {
		return false
	}
	for _, values := range header.Values("x-goog-hash") {
		for _, value := range strings.Split(values, ",") {
			name, given, _ := strings.Cut(strings.TrimSpace(value), "=")
			if name == "crc32c" && given != crcText || name == "md5" && given != md5Text {
				return false
			}
		}
	}
	return true
}

func quoted(etag string) string { return fmt.Sprintf("%q", strings.Trim(etag, `"`)) }

func codeOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return "NoSuchKey"
	case http.StatusPreconditionFailed:
		return "PreconditionFailed"
	default:
		return "InvalidArgument"
	}
}
