package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// uploads holds the parts of multipart uploads until they are completed. Nothing of one is visible before.
type uploads struct {
	mutex  sync.Mutex
	number int
	open   map[string]*upload
}

type upload struct {
	bucket, object string
	parts          map[int][]byte
}

func newUploads() *uploads { return &uploads{open: map[string]*upload{}} }

// find gives the upload of a request, or nil.
func (u *uploads) find(r *http.Request, bucket, object string) *upload {
	found := u.open[r.URL.Query().Get("uploadId")]
	if found == nil || found.bucket != bucket || found.object != object {
		return nil
	}
	return found
}

func (f *front) beginUpload(w http.ResponseWriter, bucket, object string) {
	f.uploads.mutex.Lock()
	defer f.uploads.mutex.Unlock()
	f.uploads.number++
	id := fmt.Sprintf("upload-%d", f.uploads.number)
	f.uploads.open[id] = &upload{bucket: bucket, object: object, parts: map[int][]byte{}}
	answerXML(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: bucket, Key: object, UploadID: id})
}

func (f *front) putPart(w http.ResponseWriter, r *http.Request, bucket, object string) {
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > 10_000 {
		refuse(w, http.StatusBadRequest, "InvalidArgument", "partNumber is from 1 to 10000")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody", err.Error())
		return
	}
	if !hashFits(r.Header, body) {
		refuse(w, http.StatusBadRequest, "BadDigest", "the part does not have the hash of its header")
		return
	}
	f.uploads.mutex.Lock()
	defer f.uploads.mutex.Unlock()
	found := f.uploads.find(r, bucket, object)
	if found == nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "no such upload")
		return
	}
	found.parts[number] = body
	w.Header().Set("ETag", partTag(body))
}

func (f *front) abortUpload(w http.ResponseWriter, r *http.Request, bucket, object string) {
	f.uploads.mutex.Lock()
	defer f.uploads.mutex.Unlock()
	if f.uploads.find(r, bucket, object) == nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "no such upload")
		return
	}
	delete(f.uploads.open, r.URL.Query().Get("uploadId"))
	w.WriteHeader(http.StatusNoContent)
}

func (f *front) completeUpload(w http.ResponseWriter, r *http.Request, bucket, object string) {
	var named struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&named); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML", err.Error())
		return
	}
	f.uploads.mutex.Lock()
	defer f.uploads.mutex.Unlock()
	found := f.uploads.find(r, bucket, object)
	if found == nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "no such upload")
		return
	}
	var whole []byte
	last := 0
	for _, part := range named.Part {
		body, there := found.parts[part.PartNumber]
		if !there || part.PartNumber <= last || quoted(part.ETag) != partTag(body) {
			refuse(w, http.StatusBadRequest, "InvalidPart", fmt.Sprintf("part %d is not as named", part.PartNumber))
			return
		}
		last = part.PartNumber
		whole = append(whole, body...)
	}
	if !hashFits(r.Header, whole) {
		refuse(w, http.StatusBadRequest, "BadDigest", "the object does not have the hash of its header")
		return
	}
	stored, ok := f.store(w, r.Header, bucket, object, whole)
	if !ok {
		return
	}
	delete(f.uploads.open, r.URL.Query().Get("uploadId"))
	w.Header().Set("x-goog-generation", stored.Generation)
	answerXML(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		Key     string
		ETag    string
	}{Bucket: bucket, Key: object, ETag: quoted(stored.Etag)})
}

func partTag(body []byte) string {
	sum := md5.Sum(body)
	return quoted(hex.EncodeToString(sum[:]))
}
