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

// maxUploadCell bounds a cell, in octets: that of fifty targets is the longest.
const maxUploadCell = 16_000

// readUpload reads the lines of a file of a kind. Its first line names the
// columns, as an export does in either language, or by the names of our own
// fields; the sign between columns is the one of ";", tab and "," that it has
// most of. Invalid (field "file") for what is no such file.
func readUpload(k models.UploadKind, text string) ([]models.UploadRow, error) {
	refuse := func(key string, args ...any) ([]models.UploadRow, error) {
		return nil, models.Invalid{"file": {{Key: key, Args: args}}}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.Comma = -1, parting(text)
	heading, err := r.Read()
	if errors.Is(err, io.EOF) {
		return refuse("upload.file.none")
	}
	if line, broken := brokenLine(err); broken {
		return refuse("upload.file.quotes", "Line", line)
	}
	columns, problem := uploadColumns(k, heading)
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
// UploadColumn, or "" for one that is passed over.
func uploadColumns(k models.UploadKind, heading []string) ([]string, *models.Message) {
	known, passed := map[string]string{}, map[string]bool{}
	var names []string
	for _, column := range views.UploadColumns(k) {
		known[column.Name] = column.Name
		for _, lang := range locale.Languages() {
			l := locale.From(locale.With(context.Background(), lang, time.UTC))
			known[columnName(column.Heading(l))] = column.Name
		}
		if passed[column.Name] = column.Passed; column.Explained {
			names = append(names, column.Name)
		}
	}
	columns := make([]string, len(heading))
	for i, cell := range heading {
		name, there := known[columnName(cell)]
		switch {
		case columnName(cell) == "":
		case slices.Contains(passwordColumns, columnName(cell)):
			return nil, &models.Message{Key: "upload.file.password", Args: []any{"Name", shown(cell)}}
		case !there && i == 0 && !slices.ContainsFunc(heading, func(c string) bool { return known[columnName(c)] == names[0] }):
			return nil, &models.Message{Key: "upload.file.heading", Args: []any{"Name", names[0], "Known", strings.Join(names, ", ")}}
		case !there:
			return nil, &models.Message{Key: "upload.file.column", Args: []any{"Name", shown(cell), "Known", strings.Join(names, ", ")}}
		case passed[name]:
		case slices.Contains(columns, name):
			return nil, &models.Message{Key: "upload.file.twice", Args: []any{"Name", shown(cell)}}
		default:
			columns[i] = name
		}
	}
	needed := names[:1]
	if k == models.UploadRedirections {
		needed = names[:2]
	}
	for _, name := range needed {
		if !slices.Contains(columns, name) {
			return nil, &models.Message{Key: "upload.file.heading", Args: []any{"Name", name, "Known", strings.Join(names, ", ")}}
		}
	}
	return columns, nil
}

// passwordColumns are what a column with passwords is called; hashes are the
// operator's to bring, who answers for what they cost the mail server.
var passwordColumns = []string{"password", "password_hash", "passwd", "mot de passe", "hash"}

// columnName is a heading as it is compared: case and spaces do not tell two apart.
func columnName(cell string) string {
	return strings.ToLower(strings.Join(strings.Fields(uncell(cell)), " "))
}

// shown is a heading for a message, not longer than one line.
func shown(cell string) string {
	name := []rune(columnName(cell))
	return string(name[:min(len(name), 60)])
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
