package models

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// Reads of hot pages go straight to the driver: one statement, no reflection.
// Everything else goes through GORM.

// A statement is one text for both databases, with numbered parameters ($1, $2, …).
type statement string

var parameter = regexp.MustCompile(`\$(\d+)`)

// sqlite is the text with the parameters as SQLite numbers them.
func (s statement) sqlite() string { return parameter.ReplaceAllString(string(s), "?$1") }

// rows is what the rows of both drivers have in common.
type rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close()
}

type sqlRows struct{ *sql.Rows }

func (r sqlRows) Close() { _ = r.Rows.Close() } // Err has told what there is to tell

// query runs a statement whose cached plan is good for every argument.
func (s *Store) query(ctx context.Context, q statement, args ...any) (rows, error) {
	if s.pool != nil {
		return s.pool.Query(ctx, string(q), args...)
	}
	r, err := s.sql.QueryContext(ctx, q.sqlite(), args...)
	if err != nil {
		return nil, err
	}
	return sqlRows{r}, nil
}

// search runs a statement with a pattern (LIKE): PostgreSQL must plan it for
// its very arguments, since one plan for all reads whole indexes.
func (s *Store) search(ctx context.Context, q statement, args ...any) (rows, error) {
	if s.pool != nil {
		return s.pool.Query(ctx, string(q), append([]any{pgx.QueryExecModeExec}, args...)...)
	}
	return s.query(ctx, q, args...)
}

// storable says whether text can be asked for at all: PostgreSQL takes neither
// NUL nor bytes that are no UTF-8. What cannot be stored is not there.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// legible is text as people typed it, without what only programs send: bytes
// that are no UTF-8 and control characters other than tabs and ends of lines.
func legible(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// each scans every row with fn and closes them.
func each(r rows, err error, fn func() error) error {
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return r.Err()
}

// skip is a destination for a column that is not wanted. pgx passes over nil; database/sql does not.
func (s *Store) skip() any {
	if s.pool != nil {
		return nil
	}
	return new(any)
}

// instant scans a time that SQLite may give as text, when a column loses its type in a compound query.
type instant time.Time

func (i *instant) Scan(v any) error {
	var m moment
	if err := m.Scan(v); err != nil {
		return err
	}
	if m.Time != nil {
		*i = instant(*m.Time)
	}
	return nil
}

// moment is an instant that may be null.
type moment struct{ *time.Time }

// sqliteTime is how the driver writes times with _time_format=sqlite.
const sqliteTime = "2006-01-02 15:04:05.999999999-07:00"

func (m *moment) Scan(v any) error {
	m.Time = nil
	switch v := v.(type) {
	case nil:
	case time.Time:
		m.Time = &v
	case string:
		t, err := time.Parse(sqliteTime, v)
		if err != nil {
			return err
		}
		m.Time = &t
	default:
		return fmt.Errorf("models: %T is no time", v)
	}
	return nil
}
