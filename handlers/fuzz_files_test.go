package handlers

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"mime/multipart"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// aForm is a form with a file as browsers send it.
func aForm(f *testing.F, boundary string, fields ...[3]string) []byte {
	f.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		f.Fatal(err)
	}
	for _, field := range fields {
		create := w.CreateFormField
		if field[1] != "" {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, field[1]) }
		}
		to, err := create(field[0])
		if err != nil {
			f.Fatal(err)
		}
		if _, err := to.Write([]byte(field[2])); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// Whatever a file has: what was read of it and is written as our own files are
// is read the same, errors name lines that exist, and no line has more columns
// than lines may have.
func FuzzUpload(f *testing.F) {
	const x = "x"
	for _, text := range []string{
		"\uFEFFAdresse;Description;Taille (octets)\r\ncontact@garrigue.example;'=1+1;5000000000\r\n\"a\";\"b \"\"c\"\"\nd\";\r\n",
		"address,size_gb,used_bytes\n\na,\"2,5\"\n'@b,-1\n,,\n", "from\tto\tcopy\n*@garrigue.example\ta@b.example c@d.example\tyes\n", "De;À;Copie\n\"\n\n",
		"address;description\na;'\nb;''=x\nc;' '+1\n\"d\"\r;\re\n", "\xff\xfea\x00d\x00d\x00r\x00e\x00s\x00s\x00\n\x00b\x00", "address;address\n", "password,address\n", "address\n" + strings.Repeat(";", maxUploadColumns) + "\n",
		"address;description\na" + strings.Repeat(strings.Repeat(";", maxUploadColumns-1)+"\"\n\"", 3) + ";\n", "adresse\n\u00e9\xe9\n", "\n\n\"address\nof\";b\n",
	} {
		form := aForm(f, x, [3]string{"submission", "", "s"}, [3]string{"file", "list.csv", text})
		f.Add(form, true)
		f.Add(form, false)
	}
	l := locale.From(locale.With(f.Context(), "fr", time.UTC))
	f.Fuzz(func(t *testing.T, body []byte, accounts bool) {
		sent, err := readParts(multipart.NewReader(bytes.NewReader(body), x), "submission", "file")
		if err != nil {
			if none := (models.Invalid{}); !errors.Is(err, errMalformed) && !errors.As(err, &none) {
				t.Error(err)
			}
			return
		}
		text, kind := sent.Get("file"), models.UploadRedirections
		if accounts {
			kind = models.UploadAccounts
		}
		lines := 1 + strings.Count(text, "\n")
		for cell := range strings.SplitSeq(text, ";") {
			if again := uncell(views.CSVCell(cell)); again != cell {
				t.Errorf("%q is read as %q", cell, again)
			}
		}
		rows, err := readUpload(l, kind, text)
		if err != nil {
			wantLines(t, err, lines)
			return
		}
		before := 1
		for _, row := range rows {
			if row.Line <= before || row.Line > lines {
				t.Fatalf("line %d after %d of %d", row.Line, before, lines)
			}
			before = row.Line
		}
		r := csv.NewReader(strings.NewReader(text))
		r.FieldsPerRecord, r.Comma = -1, parting(text)
		if records, err := r.ReadAll(); err != nil || slices.ContainsFunc(records, func(cells []string) bool { return len(cells) > maxUploadColumns+1 }) {
			t.Fatalf("%d lines were taken, %v", len(rows), err)
		}
		for _, row := range rows[:min(len(rows), 20)] {
			if kind == models.UploadRedirections && row.Address+row.Targets == "" || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") {
				continue
			}
			written := writtenUpload(t, l, kind, row)
			again, err := readUpload(l, kind, written)
			if row.Line = 2; err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], row) {
				t.Errorf("%q is read as %+v, %v", written, again, err)
			}
		}
	})
}

// wantLines: a refusal that names a line names one of the file.
func wantLines(t *testing.T, err error, lines int) {
	t.Helper()
	var bad models.Invalid
	if !errors.As(err, &bad) || len(bad["file"]) != 1 {
		t.Fatal(err)
	}
	for i, arg := range bad["file"][0].Args {
		if line, is := arg.(int); is && bad["file"][0].Args[i-1] == "Line" && (line < 1 || line > lines) {
			t.Errorf("line %d of %d", line, lines)
		}
	}
}

// writtenUpload writes a line as an export does, with the columns that it has. The
// library that writes loses a CR alone, which nothing of ours has.
func writtenUpload(t *testing.T, l *locale.Locale, k models.UploadKind, row models.UploadRow) string {
	t.Helper()
	none := "-"
	cells := map[string]*string{"address": &row.Address, "from": &row.Address, "description": row.Description, "size_gb": row.Gigabytes, "size_bytes": row.Bytes, "to": &row.Targets, "copy": row.KeepCopy}
	var heading, line []string
	for _, column := range views.UploadColumns(k) {
		cell := cells[column.Name]
		if column.Passed {
			cell = &none
		}
		if cell != nil {
			heading, line = append(heading, column.Heading(l)), append(line, *cell)
		}
	}
	var b bytes.Buffer
	file, err := views.NewCSV(&b, heading...)
	if err == nil {
		err = file.Row(line...)
	}
	if err := errors.Join(err, file.End()); err != nil {
		t.Fatal(err)
	}
	return decodeFile(b.Bytes())
}
