package handlers_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

func TestPagesAndErrorPagesAreCompressed(t *testing.T) {
	s := newSite(t, modelstest.OnSQLite(t))
	alice := s.as(t, cast.Alice)
	for path, status := range map[string]int{"/services/garrigue.example/emails": http.StatusOK, "/services/nobody.example": http.StatusNotFound} {
		plain := alice.get(path, "Accept-Encoding", "identity")
		packed := alice.get(path, "Accept-Encoding", "gzip")
		if plain.status != status || packed.status != status {
			t.Fatalf("%s: %d and %d, want %d", path, plain.status, packed.status, status)
		}
		if got := packed.header.Get("Content-Encoding"); got != "gzip" {
			t.Errorf("%s: Content-Encoding %q", path, got)
		}
		if got := plain.header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s: compressed for who cannot read it: %q", path, got)
		}
		if len(packed.body)*2 > len(plain.body) {
			t.Errorf("%s: %d bytes of %d", path, len(packed.body), len(plain.body))
		}
	}
}

// The list of 25 addresses stays within the design's budget.
func TestTheListOfAddressesIsLight(t *testing.T) {
	s := newSite(t, modelstest.OnSQLite(t))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/services/garrigue.example/emails", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	response, err := s.as(t, cast.Alice).client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	packed, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked := unpack(t, packed)
	if len(packed) > 6_000 || len(unpacked) > 60_000 {
		t.Errorf("%d bytes, unpacked %d; at most 6,000 and 60,000", len(packed), len(unpacked))
	}
}

func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
