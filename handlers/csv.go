package handlers

import (
	"encoding/csv"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// A csvFile is an answer that is downloaded as a table, row by row. Its format is
// one for every reader, so that a file means the same to whoever it is passed on
// to: UTF-8 with a byte order mark, without which Excel takes accents for signs
// of another alphabet and which LibreOffice passes over; semicolons, because
// where the decimal sign is a comma, as in French, a spreadsheet opens nothing
// else in columns; quotes and line ends of RFC 4180. Numbers are whole and bare.
type csvFile struct {
	h   *Handlers
	c   echo.Context
	csv *csv.Writer
}

const byteOrderMark = "\uFEFF"

// newCSV begins the file of that name. From here on the answer is 200.
func (h *Handlers) newCSV(c echo.Context, name string, heading ...string) (*csvFile, error) {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": csvName(name)}))
	c.Response().WriteHeader(http.StatusOK)
	f := &csvFile{h: h, c: c, csv: csv.NewWriter(c.Response())}
	f.csv.Comma, f.csv.UseCRLF = ';', true
	if _, err := c.Response().Write([]byte(byteOrderMark)); err != nil {
		return nil, err
	}
	return f, f.row(heading...)
}

// row adds a line.
func (f *csvFile) row(cells ...string) error {
	for i, cell := range cells {
		cells[i] = csvCell(cell)
	}
	return f.csv.Write(cells)
}

// end finishes a file. One that stopped on an error after it began breaks the
// connection off: a browser must not take a part for the whole.
func (f *csvFile) end(err error) error {
	f.csv.Flush()
	if err == nil {
		err = f.csv.Error()
	}
	if err != nil {
		f.h.log.Warn("file broken off", "request", reference(f.c), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// csvCell is a text that no spreadsheet takes for a formula: one that begins as
// a formula does gets the apostrophe by which spreadsheets know a text.
func csvCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// csvName is a file name that means the same to every system: small ASCII
// letters, digits, points and hyphens, and never hidden.
func csvName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.TrimLeft(name, ".-") + ".csv"
}
