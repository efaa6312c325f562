package main

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
)

type listedObject struct {
	Key, LastModified, ETag, Generation string
	Size                                int64
}

type listedPrefix struct{ Prefix string }

// list is GET Bucket in version 2, from the JSON API's list. The emulator's page tokens are names, as ours are then.
func (f *front) list(w http.ResponseWriter, bucket string, query url.Values) {
	limit := query.Get("max-keys")
	if limit == "" {
		limit = "1000"
	}
	asked := url.Values{"maxResults": {limit}}
	for from, to := range map[string]string{
		"prefix": "prefix", "delimiter": "delimiter", "continuation-token": "pageToken", "start-after": "startOffset",
	} {
		if value := query.Get(from); value != "" {
			asked.Set(to, value)
		}
	}
	answer := httptest.NewRecorder()
	path := "/storage/v1/b/" + url.PathEscape(bucket) + "/o?" + asked.Encode()
	f.emulator.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	if answer.Code != http.StatusOK {
		refuse(w, answer.Code, "NoSuchBucket", "the emulator refused the listing")
		return
	}
	var page struct {
		Items         []resource
		Prefixes      []string
		NextPageToken string
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	result := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		Prefix                string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []listedObject
		CommonPrefixes        []listedPrefix
	}{
		Name: bucket, Prefix: query.Get("prefix"),
		IsTruncated: page.NextPageToken != "", NextContinuationToken: page.NextPageToken,
	}
	for _, item := range page.Items {
		// The JSON API's startOffset includes the name itself, start-after does not.
		if item.Name == query.Get("start-after") {
			continue
		}
		size, err := strconv.ParseInt(item.Size, 10, 64)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
			return
		}
		result.Contents = append(result.Contents, listedObject{
			Key: item.Name, LastModified: item.Updated, ETag: quoted(item.Etag), Generation: item.Generation, Size: size,
		})
	}
	for _, prefix := range page.Prefixes {
		result.CommonPrefixes = append(result.CommonPrefixes, listedPrefix{Prefix: prefix})
	}
	answerXML(w, result)
}

func answerXML(w http.ResponseWriter, value any) {
	body, err := xml.Marshal(value)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	// A client that has gone is no fault of the emulator's.
	_, _ = w.Write(append([]byte(xml.Header), body...))
}
