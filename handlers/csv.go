package handlers

import (
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat/views"
)

// A csvFile is an answer that is downloaded as a table, row by row.
type csvFile struct {
	h   *Handlers
	c   echo.Context
	csv *views.CSV
}

// newCSV begins the file of that name. From here on the answer is 200.
func (h *Handlers) newCSV(c echo.Context, name string, heading ...string) (*csvFile, error) {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, views.CSVType)
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": views.CSVName(name)}))
	c.Response().WriteHeader(http.StatusOK)
	f := &csvFile{h: h, c: c}
	var err error
	f.csv, err = views.NewCSV(c.Response(), heading...)
	return f, err
}

// row adds a line.
func (f *csvFile) row(cells ...string) error { return f.csv.Row(cells...) }

// end finishes a file. One that stopped on an error after it began breaks the
// connection off: a browser must not take a part for the whole.
func (f *csvFile) end(err error) error {
	if ended := f.csv.End(); err == nil {
		err = ended
	}
	if err != nil {
		f.h.log.Warn("file broken off", "request", reference(f.c), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
