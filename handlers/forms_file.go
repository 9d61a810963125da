package handlers

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"example.org/mandat/models"
)

// textEnds are what the name of a file may end in.
var textEnds = []string{".csv", ".tsv", ".txt"}

// sentFile is sent for the form with a file, as a browser sends it; its content
// becomes the field of that name. A client without files may send the field.
// Invalid (field "file") for one that is no text, by its name or its content.
func (h *Handlers) sentFile(c echo.Context) (form, models.Actor, error) {
	kind, parameters, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEMultipartForm {
		return h.sent(c, "file")
	}
	f, err := readParts(multipart.NewReader(c.Request().Body, parameters["boundary"]), "submission", "file")
	none := models.Invalid{}
	if err != nil && !errors.As(err, &none) {
		return f, models.Actor{}, err
	}
	by, expired := h.submitted(c, f)
	if expired != nil {
		return f, by, expired
	}
	return f, by, err
}

// readParts reads the parts of a form strictly: known ones, each once and in this
// order. Invalid for a file that is no text, when all else is right.
func readParts(r *multipart.Reader, fields ...string) (f form, none error) {
	f = form{map[string][]string{}}
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) && len(f.Values) == len(fields) {
			return f, none
		}
		if err != nil {
			return f, bodyError(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return f, bodyError(err)
		}
		name, file, text := part.FormName(), part.FileName(), decodeFile(content)
		bad := func(key string) models.Invalid {
			return models.Invalid{name: {{Key: key, Args: []any{"Name", clipped(file)}}}}
		}
		known := len(f.Values) < len(fields) && name == fields[len(f.Values)]
		switch {
		case !known, !plainText(file), file == "" && !plainText(text):
			return f, errMalformed
		case file != "" && !slices.Contains(textEnds, strings.ToLower(path.Ext(file))):
			none, text = bad("upload.file.name"), ""
		case !plainText(text):
			none, text = bad("upload.file.content"), ""
		}
		f.Set(name, text)
	}
}

// bodyError is why a body could not be read.
func bodyError(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return errTooLarge
	}
	return errMalformed
}

// decodeFile is the text of a file. Spreadsheets write CSV in UTF-8, in UTF-16
// with its mark, or in the old alphabet of Western Windows, which has no mark: it
// is what is no UTF-8. What nobody can read is left out.
func decodeFile(content []byte) string {
	text, marked := bytes.CutPrefix(content, []byte("\ufeff"))
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		text, _ = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(content) // replaces what is none
	case !marked && !utf8.Valid(text):
		text, _ = charmap.Windows1252.NewDecoder().Bytes(content) // of which every octet is something
	}
	return strings.ToValidUTF8(string(text), "")
}
