package handlers

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// Whatever a mail provider sends, and under whatever type: what is taken is one
// field, and the standard library reads the same.
func FuzzOneClick(f *testing.F) {
	const part = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n"
	for _, c := range [][2]string{
		{"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"},
		{"Application/X-WWW-Form-Urlencoded; charset=utf-8", "List-Unsubscribe=One%2DClick&submission=x"},
		{"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click&List-Unsubscribe=One-Click"},
		{"application/x-www-form-urlencoded", "List-Unsubscribe=%00;%zz"},
		{"multipart/form-data; boundary=x", part + "--x--\r\n"},
		{"multipart/form-data; boundary=\"x\"", part + part + "--x--"},
		{"multipart/form-data; boundary=", part},
		{"multipart/form-data", part + "--x--\r\n"},
		{"multipart/form-data; boundary=x", "--x\nContent-Disposition: form-data; name=List-Unsubscribe; filename=a.csv\nContent-Transfer-Encoding: quoted-printable\n\nOne=2DClick\n--x--"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: attachment; name=\"List-Unsubscribe\"\r\n\r\n\xff\xfeO\x00\r\n--x--\r\n"},
		{"multipart/mixed; boundary=x", part + "--x--\r\n"},
		{"", ""},
	} {
		f.Add(c[0], []byte(c[1]))
	}
	e := echo.New()
	asked := func(kind string, body []byte) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set(echo.HeaderContentType, kind)
		return r
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		sent, err := readOneClick(e.NewContext(asked(kind, body), nil))
		if err != nil {
			if none := (models.Invalid{}); !errors.Is(err, errMalformed) && !errors.As(err, &none) {
				t.Error(err)
			}
			return
		}
		for name, values := range sent.Values {
			if name != views.OneClickField && name != "submission" || len(values) != 1 || !plainText(values[0]) {
				t.Errorf("%q: %q", name, values)
			}
		}
		r := asked(kind, body)
		if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			t.Errorf("taken, and for others %v", err)
		}
		if r.MultipartForm != nil && len(r.MultipartForm.File) > 0 {
			return // which they keep apart
		}
		if got, others := sent.Get(views.OneClickField), r.PostForm.Get(views.OneClickField); (got == views.OneClickValue) != (others == views.OneClickValue) {
			t.Errorf("%q, for others %q", got, others)
		}
	})
}
