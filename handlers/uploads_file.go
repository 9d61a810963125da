package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// maxUploadColumns bounds the columns of a line: each is some memory, and a file
// could be all separators.
const maxUploadColumns = 200

// maxUploadCell bounds a cell, in octets: that of fifty targets is the longest.
const maxUploadCell = 16_000

// readUpload reads the lines of a file of a kind. Its first line names the
// columns, as an export does in either language, or by the names of our own
// fields; the sign between columns is the one of ";", tab and "," that it has
// most of. Invalid (field "file") for what is no such file.
func readUpload(l *locale.Locale, k models.UploadKind, text string) ([]models.UploadRow, error) {
	refuse := func(key string, args ...any) ([]models.UploadRow, error) {
		return nil, models.Invalid{"file": {{Key: key, Args: args}}}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.Comma = -1, parting(text)
	if tooWide(text, r.Comma) {
		return refuse("upload.file.wide", "Most", maxUploadColumns)
	}
	heading, err := r.Read()
	if errors.Is(err, io.EOF) {
		return refuse("upload.file.none")
	}
	if line, broken := brokenLine(err); broken {
		return refuse("upload.file.quotes", "Line", line)
	}
	columns, problem := uploadColumns(l, k, heading)
	if problem != nil {
		return nil, models.Invalid{"file": {*problem}}
	}
	var rows []models.UploadRow
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if line, broken := brokenLine(err); broken {
			return refuse("upload.file.quotes", "Line", line)
		}
		if blank(record) {
			continue
		}
		row := models.UploadRow{}
		row.Line, _ = r.FieldPos(0)
		for i, cell := range record {
			if len(cell) > maxUploadCell {
				return refuse("upload.file.cell", "Line", row.Line, "Most", maxUploadCell)
			}
			if i < len(columns) {
				setCell(&row, columns[i], uncell(strings.TrimSpace(cell)))
			}
		}
		if rows = append(rows, row); len(rows) > models.MaxUploadLines {
			return refuse("upload.file.many", "Most", models.MaxUploadLines)
		}
	}
	if len(rows) == 0 {
		return refuse("upload.file.none")
	}
	return rows, nil
}

// brokenLine is the line where a file stops being CSV.
func brokenLine(err error) (line int, broken bool) {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return bad.StartLine, true
	}
	return 0, err != nil
}

// tooWide says whether a line of a table has more separators than columns may be.
// Within quotes they are none, nor does a line end there.
func tooWide(text string, sign rune) bool {
	count, quoted := 0, false
	for i := range len(text) {
		switch c := rune(text[i]); {
		case c == '"':
			quoted = !quoted // beyond a quote out of place nothing is read
		case quoted:
		case c == '\n':
			count = 0
		case c == sign:
			if count++; count > maxUploadColumns {
				return true
			}
		}
	}
	return false
}

func blank(record []string) bool {
	return !slices.ContainsFunc(record, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// parting is the sign between the columns of a text.
func parting(text string) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	most, count := ',', strings.Count(first, ",")
	for _, sign := range ";\t" {
		if n := strings.Count(first, string(sign)); n > count {
			most, count = sign, n
		}
	}
	return most
}

// uploadColumns says what each column of a heading is: the name of an
// UploadColumn, or "" for one that is passed over. The message is in words of l.
func uploadColumns(l *locale.Locale, k models.UploadKind, heading []string) ([]string, *models.Message) {
	known, passed := knownColumns(k)
	var names, needed []string
	for _, column := range views.UploadColumns(k) {
		if column.Explained {
			names = append(names, column.Heading(l))
		}
		if column.Needed && !slices.ContainsFunc(heading, func(cell string) bool { return known[columnName(cell)] == column.Name }) {
			needed = append(needed, column.Heading(l))
		}
	}
	problem := func(key, name string) *models.Message {
		return &models.Message{Key: key, Args: []any{"Name", name, "Known", strings.Join(names, ", ")}}
	}
	if len(needed) > 0 {
		return nil, problem("upload.file.heading", needed[0])
	}
	columns := make([]string, len(heading))
	for i, cell := range heading {
		name, there := known[columnName(cell)]
		switch {
		case columnName(cell) == "" || passed[name]:
		case slices.Contains(passwordColumns, columnName(cell)):
			return nil, problem("upload.file.password", shown(cell))
		case !there:
			return nil, problem("upload.file.column", shown(cell))
		case slices.Contains(columns, name):
			return nil, problem("upload.file.twice", shown(cell))
		default:
			columns[i] = name
		}
	}
	return columns, nil
}

// knownColumns are the columns of a kind by what they may be called, and those that are passed over.
func knownColumns(k models.UploadKind) (known map[string]string, passed map[string]bool) {
	known, passed = map[string]string{}, map[string]bool{}
	for _, column := range views.UploadColumns(k) {
		known[column.Name], passed[column.Name] = column.Name, column.Passed
		for _, lang := range locale.Languages() {
			l := locale.From(locale.With(context.Background(), lang, time.UTC))
			known[columnName(column.Heading(l))] = column.Name
		}
	}
	return known, passed
}

// passwordColumns are what a column with passwords is called; hashes are the
// operator's to bring, who answers for what they cost the mail server.
var passwordColumns = []string{"password", "password_hash", "passwd", "mot de passe", "hash"}

// columnName is a heading as it is compared: case and spaces do not tell two apart.
func columnName(cell string) string {
	return strings.ToLower(strings.Join(strings.Fields(uncell(cell)), " "))
}

// shown is a heading for a message, not longer than one line.
func shown(cell string) string { return clipped(columnName(cell)) }

// clipped is as much of a name as a message shows.
func clipped(name string) string {
	letters := []rune(name)
	return string(letters[:min(len(letters), 60)])
}

// setCell puts a cell where its column says.
func setCell(row *models.UploadRow, column, cell string) {
	switch column {
	case "address", "from":
		row.Address = cell
	case "description":
		row.Description = &cell
	case "size_gb":
		row.Gigabytes = &cell
	case "size_bytes":
		row.Bytes = &cell
	case "to":
		row.Targets = cell
	case "copy":
		row.KeepCopy = &cell
	}
}
