package views

import (
	"encoding/csv"
	"io"
	"strings"
)

// CSV is a table as a file, row by row. Its format is one for every reader, so
// that a file means the same to whoever it is passed on to: UTF-8 with a byte
// order mark, without which Excel takes accents for signs of another alphabet
// and which LibreOffice passes over; semicolons, because where the decimal sign
// is a comma, as in French, a spreadsheet opens nothing else in columns; quotes
// and line ends of RFC 4180. Numbers are whole and bare.
type CSV struct{ csv *csv.Writer }

const byteOrderMark = "\uFEFF"

// CSVType is what a CSV is to browsers and mail programs.
const CSVType = "text/csv; charset=utf-8; header=present"

// NewCSV begins a file.
func NewCSV(w io.Writer, heading ...string) (*CSV, error) {
	f := &CSV{csv.NewWriter(w)}
	f.csv.Comma, f.csv.UseCRLF = ';', true
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, err
	}
	return f, f.Row(heading...)
}

// Row adds a line.
func (f *CSV) Row(cells ...string) error {
	for i, cell := range cells {
		cells[i] = CSVCell(cell)
	}
	return f.csv.Write(cells)
}

// End writes what is not written yet.
func (f *CSV) End() error {
	f.csv.Flush()
	return f.csv.Error()
}

// CSVCell is a text that no spreadsheet takes for a formula: one that begins as
// a formula does gets the apostrophe by which spreadsheets know a text; so does
// one that begins as if it had it already, or it would be read without its own.
func CSVCell(text string) string {
	if inner := strings.TrimLeft(text, "'"); inner != "" && strings.ContainsRune("=+-@\t\r", rune(inner[0])) {
		return "'" + text
	}
	return text
}

// CSVName is a file name that means the same to every system: small ASCII
// letters, digits, points and hyphens, and never hidden.
func CSVName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.TrimLeft(name, ".-") + ".csv"
}
