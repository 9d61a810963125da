package models

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrDirectory is the refusal of a directory with bad lines: nothing of it was loaded.
var ErrDirectory = errors.New("nothing was loaded: the directory has lines that are refused")

// LineError is what is wrong with one line of a directory. It never repeats a password hash.
type LineError struct {
	Line    int // from 1
	Problem Message
}

// DirectoryResult counts what a directory had.
type DirectoryResult struct {
	Lines                         int // without empty ones
	Customers, Services, Accounts int // created
	Unchanged                     int // lines that say what is so already
	Refused                       int // reports of bad lines
}

// maxDirectoryLine bounds one line, in octets: several times the longest true one.
const maxDirectoryLine = 8192

// maxGB bounds sizes: a thousand petabytes, of which thousands still count without overflow.
const maxGB = 1_000_000

// LoadDirectory takes over customers, services and accounts from elsewhere. It
// is the operator's verb. The directory is CSV (RFC 4180) in UTF-8, one object
// on each line, lines in any order:
//
//	customer,IDENTIFIER,NAME,EMAIL,LANGUAGE
//	service,DOMAIN,OWNER,MAX_ACCOUNTS,MAX_GB
//	account,ADDRESS,DESCRIPTION,SIZE_GB,PASSWORD_HASH
//
// MAX_GB is for all accounts of the service together; one account may have the
// usual limit or the size of the largest of the directory. Customers get the
// time zone given here, no password, and set one by a link. The hash of an
// account may be empty; see [ParseMailboxHash] for what is accepted.
//
// All is loaded, with one event for each object, or nothing. Every bad line is
// given to report: first those that are wrong by themselves, then those that
// disagree with others or with the database, each group in order. A line for
// an object that is already so is skipped, hence the same directory again
// changes nothing; one that says otherwise is bad, except that an empty hash
// agrees with any password. The directory is never held in memory.
//
// ErrDirectory when a line was bad, ErrConflict when the database changed
// meanwhile in a way that loading again will tell, or the reader's error.
func (s *Store) LoadDirectory(ctx context.Context, r io.Reader, zone string, report func(LineError)) (DirectoryResult, error) {
	var done DirectoryResult
	err := s.inTx(ctx, Actor{}, func(tx *Tx) error { // not run again when given up: the reader has been read
		l := &directoryLoad{tx: tx, zone: zone, report: func(line int, m Message) {
			done.Refused++
			report(LineError{line, m})
		}}
		if err := l.prepare(); err != nil {
			return err
		}
		lines, err := l.read(r)
		done.Lines = lines
		if err != nil {
			return err
		}
		if err := l.check(); err != nil {
			return err
		}
		if done.Refused > 0 {
			return ErrDirectory
		}
		if err := l.create(&done); err != nil {
			return err
		}
		done.Unchanged = lines - done.Customers - done.Services - done.Accounts
		return nil
	})
	switch violated(err) {
	case "customer_identifier_unique", "service_domain_unique", "address_has_one_meaning":
		return done, errors.Join(ErrConflict, err)
	}
	if retryable(err) {
		return done, errors.Join(ErrBusy, err)
	}
	return done, err
}

// directoryLoad is one directory being loaded.
type directoryLoad struct {
	tx     *Tx
	zone   string
	report func(line int, m Message)

	customers, services, accounts *staging
}

// read takes the lines apart and lays them into the staging tables. A line of
// which at least the key is readable is laid there even when the rest is not,
// so that lines which hang on it are not called bad too.
func (l *directoryLoad) read(r io.Reader) (lines int, err error) {
	in := bufio.NewReaderSize(r, maxDirectoryLine)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\ufeff")) {
		_, _ = in.Discard(3)
	}
	var line bytes.Reader // each line looks like a whole file, so that a quote left open ends with it
	record := csv.NewReader(&line)
	record.FieldsPerRecord = -1
	record.TrimLeadingSpace = true
	record.ReuseRecord = true
	for n := 1; ; n++ {
		text, whole, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return lines, err
		}
		if len(bytes.TrimSpace(text)) == 0 && whole {
			continue
		}
		lines++
		if problem := checkLine(text, whole); problem != nil {
			l.report(n, *problem)
			continue
		}
		line.Reset(text)
		fields, err := record.Read()
		if err != nil {
			l.report(n, Message{Key: "directory.line.quotes"})
			continue
		}
		if err := l.take(n, fields); err != nil {
			return lines, err
		}
	}
	return lines, errors.Join(l.customers.flush(), l.services.flush(), l.accounts.flush())
}

// readLine is the next line without its end; whole is false for the beginning
// of one that is longer than the buffer, whose rest is skipped.
func readLine(in *bufio.Reader) (text []byte, whole bool, err error) {
	text, err = in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, err
		}
		return nil, false, nil
	case errors.Is(err, io.EOF) && len(text) > 0: // the last line, without its end
	case err != nil:
		return nil, false, err
	}
	return bytes.TrimRight(text, "\r\n"), true, nil
}

func checkLine(text []byte, whole bool) *Message {
	switch {
	case !whole:
		return &Message{Key: "directory.line.long", Args: []any{"Max", maxDirectoryLine}}
	case !utf8.Valid(text):
		return &Message{Key: "directory.line.encoding"}
	case bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return &Message{Key: "directory.line.control"}
	}
	return nil
}

// take judges the fields of one line by themselves.
func (l *directoryLoad) take(n int, fields []string) error {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	kind, rest := strings.ToLower(fields[0]), fields[1:]
	kinds := map[string]struct {
		fields int
		take   func(n int, f []string, bad Invalid) error
	}{"customer": {4, l.takeCustomer}, "service": {4, l.takeService}, "account": {4, l.takeAccount}}
	k, known := kinds[kind]
	if !known {
		l.report(n, Message{Key: "directory.line.kind"})
		return nil
	}
	if len(rest) != k.fields {
		l.report(n, Message{Key: "directory.line.fields", Args: []any{"Kind", kind, "Want", k.fields + 1, "Have", len(fields)}})
		return nil
	}
	bad := Invalid{}
	err := k.take(n, rest, bad)
	for _, field := range slices.Sorted(maps.Keys(bad)) {
		for _, m := range bad[field] {
			l.report(n, m)
		}
	}
	return err
}

func (l *directoryLoad) takeCustomer(n int, f []string, bad Invalid) error {
	identifier, ok := ParseIdentifier(f[0])
	if !ok {
		bad.Add("identifier", "customer.identifier.shape", "Identifier", f[0])
	}
	name, email, language := checkName(f[1], bad), checkEmail(f[2], bad), strings.ToLower(f[3])
	checkChoices(language, "system", l.zone, bad)
	return l.customers.add(n, len(bad) == 0, identifier, name, email, language)
}

func (l *directoryLoad) takeService(n int, f []string, bad Invalid) error {
	domain, problem := ParseDomain(f[0])
	if problem != nil {
		bad.Add("domain", problem.Key, problem.Args...)
	}
	owner, ok := ParseIdentifier(f[1])
	if !ok {
		bad.Add("owner", "customer.identifier.shape", "Identifier", f[1])
	}
	accounts, err := strconv.ParseUint(f[2], 10, 31)
	if err != nil {
		bad.Add("max_accounts", "directory.service.accounts")
	}
	total, ok := ParseGB(f[3])
	if !ok || total < MinSizeBytes {
		bad.Add("max_gb", "directory.size", "Min", int64(MinSizeBytes), "Max", int64(maxGB*GB))
	}
	return l.services.add(n, len(bad) == 0, domain, owner, int(accounts), total)
}

func (l *directoryLoad) takeAccount(n int, f []string, bad Invalid) error {
	local, domain, problem := ParseAddress(f[0])
	address := ""
	if problem != nil {
		bad.Add("address", problem.Key, problem.Args...)
	} else {
		address = local + "@" + domain
	}
	description := checkDescription(f[1], bad)
	size, ok := ParseGB(f[2])
	if !ok || size < MinSizeBytes {
		bad.Add("size_gb", "directory.size", "Min", int64(MinSizeBytes), "Max", int64(maxGB*GB))
	}
	hash, problem := ParseMailboxHash(f[3])
	if problem != nil {
		bad.Add("password_hash", problem.Key, problem.Args...)
	}
	var set any
	if hash != "" {
		set = l.tx.now
	}
	return l.accounts.add(n, len(bad) == 0, address, domain, local, description, size, hash, set)
}

// ParseGB reads a size in GB, with a point and up to three decimals (MB).
func ParseGB(text string) (octets int64, ok bool) {
	whole, fraction, point := strings.Cut(text, ".")
	if point && (fraction == "" || len(fraction) > 3) {
		return 0, false
	}
	gb, err := strconv.ParseUint(whole, 10, 32)
	if err != nil || gb > maxGB {
		return 0, false
	}
	mb, err := strconv.ParseUint((fraction + "000")[:3], 10, 32)
	if err != nil || gb == maxGB && mb > 0 {
		return 0, false
	}
	return int64(gb)*GB + int64(mb)*(GB/1000), true
}
